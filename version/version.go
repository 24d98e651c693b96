// Package version has the versions of the Controller API: how they are written, which of two is newer, and which one a
// client and a Controller should speak.
//
// A Controller names its API version in the header DEIS_API_VERSION of every response, errors included (both API
// documents; real Controllers do). The package imports nothing from this module, so that a test Controller and the SDK
// can share it.
package version

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// SDK is the version of this module, as it appears in the User-Agent header.
const SDK = "0.2.0"

// The headers that carry versions. The SDK also sends Header, with the version that it speaks; real Controllers ignore
// it.
const (
	Header         = "DEIS_API_VERSION"      // the API version, "2.2"
	PlatformHeader = "DEIS_PLATFORM_VERSION" // the version of the Controller's platform, "2.2.0"
)

// The API versions that this SDK is written for, and V2, the lowest of major version 2.
var (
	V1_6 = API{1, 6}
	V2   = API{2, 0} // all 2.x Controllers speak at least this
	V2_2 = API{2, 2}
	V2_3 = API{2, 3}
)

// An API is a version of the Controller API. Versions are ordered by number: 2.10 is newer than 2.9.
type API struct{ Major, Minor int }

// Parse parses a version as Controllers write it, "2.2". Any other form, such as "2", "v2.2" or "2.2.0", is an error.
func Parse(s string) (API, error) {
	major, minor, _ := strings.Cut(s, ".")
	a, errMajor := parseNumber(major)
	b, errMinor := parseNumber(minor)
	if errMajor != nil || errMinor != nil {
		return API{}, fmt.Errorf("deis: %q is not an API version: want two numbers with a dot between them, like %q", s, V2_2)
	}
	return API{a, b}, nil
}

// parseNumber accepts only digits; strconv.Atoi would accept a sign.
func parseNumber(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err
}

// String formats the version as in the header, "2.2".
func (v API) String() string { return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) }

// Compare returns -1 if v is older than w, 0 if they are equal, and 1 if v is newer.
func (v API) Compare(w API) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor))
}

// AtLeast reports whether v is w or newer.
func (v API) AtLeast(w API) bool { return v.Compare(w) >= 0 }

// Negotiate chooses the version to speak to a Controller of version server: the same major version, with the lower of
// the minor versions. A client of 2.3 speaks 2.3 to a Controller of 2.4, and 2.1 to one of 2.1. Without a common major
// version the error is a *MismatchError. If no client versions are given, they are those of this SDK.
func Negotiate(server API, client ...API) (API, error) {
	if len(client) == 0 {
		client = []API{V1_6, V2_3}
	}
	var best API
	for _, own := range client {
		if own.Major == server.Major {
			best.Major, best.Minor = own.Major, max(best.Minor, min(own.Minor, server.Minor))
		}
	}
	if best.Major == 0 {
		return API{}, &MismatchError{Server: server, Client: client}
	}
	return best, nil
}

// A MismatchError says that the client and the Controller have no API version in common. Only the version probe was
// sent.
type MismatchError struct {
	Server API   // what the Controller speaks
	Client []API // what the client speaks
}

// Error names the versions of both, and what to do.
func (e *MismatchError) Error() string {
	spoken := make([]string, len(e.Client))
	for i, v := range e.Client {
		spoken[i] = v.String()
	}
	return fmt.Sprintf("deis: the Controller speaks API %s, this client %s: use a version of the SDK that supports it",
		e.Server, strings.Join(spoken, " and "))
}

// An UnsupportedError says that an operation needs a newer API version than the Controller speaks. Nothing was sent.
// It matches errors.ErrUnsupported.
type UnsupportedError struct {
	Operation  string // a noun, for example "whoami" or "an app's settings"
	Have, Need API
}

// Error names the operation and both versions.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("deis: API %s is needed for %s, but the Controller speaks %s", e.Need, e.Operation, e.Have)
}

// Is makes the error match errors.ErrUnsupported.
func (e *UnsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }
