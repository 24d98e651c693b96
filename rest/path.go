package rest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deisgo/deis/version"
)

// An Endpoint is a path below the API's version prefix, or the reason why there can be none. Make one with Path.
type Endpoint struct {
	path string // escaped, with slashes on both ends unless NoSlash took the last
	err  error
}

// Path joins the elements of a path and closes it with a slash, as most of the API's paths are: Path("apps", id,
// "config") is /apps/{id}/config/. It checks every identifier by the whole of the pattern that real Controllers match
// it with, because they cut off what goes beyond the pattern and carry out the request on what is left: a DELETE of
// /apps/hz_other destroys the app hz. Which pattern holds follows from the element before: "apps", "perms",
// "domains", "domain", "certs", "keys", "containers", "pods" or "releases".
//
// A bad element does not show here: the call that uses the Endpoint returns the error, which matches
// ErrInvalidArgument, and sends nothing.
func Path(elems ...string) Endpoint {
	var b strings.Builder
	b.Grow(64) // most are shorter
	b.WriteByte('/')
	for i, elem := range elems {
		if err := check(elems, i); err != nil {
			return Endpoint{err: err}
		}
		b.WriteString(escape(elem))
		b.WriteByte('/')
	}
	return Endpoint{path: b.String()}
}

// NoSlash takes the slash off the end, for the paths that are documented without one.
func (e Endpoint) NoSlash() Endpoint {
	e.path = strings.TrimSuffix(e.path, "/")
	return e
}

// Err returns what is wrong with the path, or nil. Calls do so by themselves; it serves to check an identifier that
// stands in a body.
func (e Endpoint) Err() error { return e.err }

// elems are the elements of the path, escaped.
func (e Endpoint) elems() []string { return strings.Split(strings.Trim(e.path, "/"), "/") }

// app names the app that a write to the endpoint changes, or is empty. A one-off command changes nothing and may take
// twenty minutes: it is no write.
func (e Endpoint) app() string {
	elems := e.elems()
	if len(elems) < 2 || elems[0] != "apps" || slices.Equal(elems[2:], []string{"run"}) {
		return ""
	}
	return elems[1]
}

// checkDelete refuses the paths that real Controllers answer by destroying the parent: DELETE /apps/A/<anything
// unknown> destroys app A, DELETE /certs/C/<anything unknown> certificate C, DELETE /auth/cancel/<anything> the
// caller's own account. A wildcard domain is unknown to v1.6.
func (e Endpoint) checkDelete(api version.API) error {
	elems := e.elems()
	if len(elems) <= 2 {
		return nil
	}
	parent, child := elems[0], elems[2]
	var destroyed string
	switch {
	case parent == "apps" && len(elems) == 4 && child == "perms":
	case parent == "apps" && len(elems) == 4 && child == "domains" && (api.Major >= 2 || !strings.HasPrefix(elems[3], "*")):
	case parent == "certs" && len(elems) == 4 && child == "domain" && api.Major >= 2:
	case parent == "apps" && len(elems) == 3 && (child == "whitelist" || child == "services") && api.AtLeast(version.V2_3):
	case parent == "apps":
		destroyed = "app " + elems[1]
	case parent == "certs":
		destroyed = "certificate " + elems[1]
	case parent == "auth":
		destroyed = "the caller's own account"
	case parent == "admin" && len(elems) > 3:
		destroyed = "the rights of " + child
	}
	if destroyed == "" {
		return nil
	}
	return InvalidArgument("path "+e.path, "is not known to be safe: real Controllers answer such a DELETE by destroying "+destroyed)
}

// escape escapes one element. A * stays as it is, as in the recorded requests for wildcard names.
func escape(elem string) string {
	return strings.ReplaceAll(url.PathEscape(elem), "%2A", "*")
}

// A rule says what an identifier may look like.
type rule struct {
	argument string
	says     string
	allows   func(string) bool
}

// The rules, by the element before the identifier. Each is the server's own pattern (recorded requests of both versions).
var (
	appRule      = rule{"app", "may contain only a-z, 0-9 and -", chars("-", isAppChar)}
	usernameRule = rule{"username", "may contain only letters, digits and . @ + - _ where it stands in a path", chars(".@+-_", isWordChar)}
	domainRule   = rule{"domain", `may contain only letters, digits, - _ and ., after a leading "*." if any`, isDomain}
	certRule     = rule{"certificate name", "may contain only letters, digits, - _ . and *", chars("-_.*", isWordChar)}
	typeRule     = rule{"process type", "may contain only letters, digits, - _ and .", chars("-_.", isWordChar)}
	podTypeRule  = rule{"process type", "may contain only letters, digits, - and _ beside a pod's name or number", chars("-_", isWordChar)}
	podNameRule  = rule{"pod name", "may contain only letters, digits, - and _", chars("-_", isWordChar)}
	releaseRule  = rule{"release", "must be v and a number from 1 on", isRelease}
	keyRule      = rule{"key id", "must be text without control characters or outer spaces, and not . or .. or empty between slashes", isKeyID}
	otherRule    = rule{"path element", "must be text without slashes and control characters",
		func(s string) bool { return isPlain(s) && !strings.Contains(s, "/") }}
)

// ruleAfter is the rule for what stands behind each element that an identifier follows.
var ruleAfter = map[string]rule{
	"apps": appRule, "perms": usernameRule, "domains": domainRule, "domain": domainRule, "certs": certRule,
	"keys": keyRule, "releases": releaseRule, "containers": typeRule, "pods": typeRule,
}

// identifies tells whether elems[i] is an identifier, by what stands before it. What stands behind an identifier is
// none, whatever that reads: an app may be called "releases".
func identifies(elems []string, i int) bool {
	if i == 0 {
		return false
	}
	_, collection := ruleAfter[elems[i-1]]
	return collection && !identifies(elems, i-1)
}

// ruleFor finds the rule for elems[i] in what stands around it.
func ruleFor(elems []string, i int) rule {
	isAction := func(i int) bool { return i == len(elems)-1 && elems[i] == "restart" }
	isPods := func(i int) bool { return elems[i] == "containers" || elems[i] == "pods" }
	switch {
	case identifies(elems, i) && isPods(i-1) && i+1 < len(elems) && !isAction(i+1):
		return podTypeRule
	case identifies(elems, i):
		return ruleAfter[elems[i-1]]
	case i >= 2 && identifies(elems, i-1) && isPods(i-2) && !isAction(i):
		return podNameRule
	}
	return otherRule
}

func check(elems []string, i int) error {
	r, elem := ruleFor(elems, i), elems[i]
	switch {
	case elem == "":
		return InvalidArgument(r.argument, "must not be empty")
	case elem == "." || elem == "..":
		return InvalidArgument(r.argument, "must not be . or ..")
	case !r.allows(elem):
		return InvalidArgument(fmt.Sprintf("%s %.100q", r.argument, elem), r.says)
	}
	return nil
}

// chars allows texts that consist of the given characters and of those that more allows.
func chars(some string, more func(rune) bool) func(string) bool {
	return func(s string) bool {
		for _, r := range s {
			if !more(r) && !strings.ContainsRune(some, r) { // what is no UTF-8 reads as U+FFFD, which is neither
				return false
			}
		}
		return true
	}
}

func isAppChar(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

// isWordChar is the \w of the server's patterns: Python's, which knows more letters than A to Z.
func isWordChar(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

func isDomain(s string) bool {
	s = strings.TrimPrefix(s, "*.")
	return s != "" && chars("-._", isWordChar)(s)
}

// isRelease accepts v1, v2 and so on, and the name of the one action that stands in the same place.
func isRelease(s string) bool {
	digits := strings.TrimPrefix(s, "v")
	return s == "rollback" || digits != s && digits != "" && digits[0] != '0' &&
		strings.Trim(digits, "0123456789") == ""
}

// isKeyID accepts slashes, which key ids can have, but nothing between them that a router on the way could take for a way
// up: nginx can be told to decode %2F, and makes /keys/../apps/x a /apps/x.
func isKeyID(s string) bool {
	return isPlain(s) && strings.TrimSpace(s) == s && !slices.ContainsFunc(strings.Split(s, "/"), func(segment string) bool {
		return segment == "" || segment == "." || segment == ".."
	})
}

func isPlain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
