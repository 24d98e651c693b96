package deis

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/deisgo/deis/rest"
)

// A Profile is what the deis command line client stores of a login. Both generations of the client keep profiles as
// JSON in $HOME/.deis. Printing a Profile, or encoding it as JSON, does not show the token.
//
// Insecure is the opposite of ssl_verify in the file, so that the zero value is safe. Without ssl_verify in the file,
// certificates are verified; the older client did not verify them then.
type Profile struct {
	Username      string `json:"username"`
	Controller    string `json:"controller"` // the URL
	Token         string `json:"-"`
	Insecure      bool   `json:"insecure"`       // certificates are not verified
	ResponseLimit int    `json:"response_limit"` // the page size of the command line client; the SDK does not use it
}

// String shows the profile without its token.
func (p Profile) String() string {
	return fmt.Sprintf("{Username:%s Controller:%s Token:[redacted] Insecure:%t ResponseLimit:%d}",
		p.Username, p.Controller, p.Insecure, p.ResponseLimit)
}

// GoString is String, for %#v.
func (p Profile) GoString() string { return "deis.Profile" + p.String() }

// profileFile is a profile on disk. SSLVerify is nil if the file does not have it.
type profileFile struct {
	Username      string `json:"username"`
	SSLVerify     *bool  `json:"ssl_verify"`
	Controller    string `json:"controller"`
	Token         string `json:"token"`
	ResponseLimit int    `json:"response_limit"`
}

// FromProfile makes a client from a profile of the deis command line client: either the name of one in $HOME/.deis, or
// the path of a file, which must contain a separator and end in .json. An empty name means $DEIS_PROFILE or, if that is
// empty, "client". The options are applied after the profile.
//
// Certificates are verified even if the profile says ssl_verify: false, unless WithInsecureProfile is given, because
// older deis clients wrote false into every profile. FromProfile logs a warning, with the logger of WithLogger, if it
// ignores ssl_verify: false, or if others can read the file.
func FromProfile(nameOrPath string, opts ...Option) (*Client, error) {
	path, err := profilePath(nameOrPath)
	if err != nil {
		return nil, err
	}
	profile, err := LoadProfile(path)
	if err != nil {
		return nil, err
	}
	own := []Option{WithToken(profile.Token), func(s *options) { s.insecure = profile.Insecure }}
	client, err := New(profile.Controller, append(own, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("deis: profile %s: %w", path, err)
	}
	if s := client.options; s.logger != nil && s.overridden {
		s.logger.Warn("deis: certificates are verified although the profile says ssl_verify: false; see WithInsecureProfile", "path", path)
	}
	info, err := os.Stat(path)
	isShared := err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" // which has no such permissions
	if logger := client.options.logger; logger != nil && isShared {
		logger.Warn("deis: others can read the profile and the token in it: set its permissions to 600", "path", path)
	}
	return client, nil
}

// FromEnv makes a client for $DEIS_CONTROLLER with the token $DEIS_TOKEN or, if neither is set, with FromProfile(""). If
// only one of them is set, or DEIS_TOKEN is a URL because the two were swapped, FromEnv returns an error, so that a token is
// never sent to the wrong host.
func FromEnv(opts ...Option) (*Client, error) {
	controller, token := os.Getenv("DEIS_CONTROLLER"), os.Getenv("DEIS_TOKEN")
	switch {
	case controller == "" && token == "":
		client, err := FromProfile("", opts...)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: set DEIS_CONTROLLER and DEIS_TOKEN, or log in with the deis command line client", err)
		}
		return client, err
	case controller == "":
		return nil, rest.InvalidArgument("DEIS_TOKEN", "is set, but DEIS_CONTROLLER is not")
	case token == "":
		return nil, rest.InvalidArgument("DEIS_CONTROLLER", "is set, but DEIS_TOKEN is not")
	case isURL(token):
		return nil, rest.InvalidArgument("DEIS_TOKEN", "must not be a URL: has it been swapped with DEIS_CONTROLLER?")
	}
	return New(controller, append([]Option{WithToken(token)}, opts...)...)
}

// LoadProfile reads a profile; the name or path is as for FromProfile. It never changes the file. Its error names the
// file and, if the JSON is invalid, the line. If the file does not exist, the error matches fs.ErrNotExist.
func LoadProfile(nameOrPath string) (*Profile, error) {
	path, err := profilePath(nameOrPath)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("deis: no profile: %w", err)
	}
	var file profileFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("deis: profile %s:%d: %w", path, errorLine(data, err), err)
	}
	return &Profile{
		Username:      file.Username,
		Controller:    file.Controller,
		Token:         file.Token,
		Insecure:      file.SSLVerify != nil && !*file.SSLVerify,
		ResponseLimit: file.ResponseLimit,
	}, nil
}

// Save writes the profile; the name or path is as for FromProfile. Only the owner can read the file. It is replaced
// atomically, and keeps the keys that the SDK does not know. If it is a symbolic link, its target is replaced. On
// Windows, Save fails while another program has the file open.
func (p Profile) Save(nameOrPath string) error {
	path, err := profilePath(nameOrPath)
	if err != nil {
		return err
	}
	var keys map[string]json.RawMessage // numbers stay as they are written
	present, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := json.Unmarshal(present, &keys); err != nil {
			return fmt.Errorf("deis: profile %s:%d: not overwritten: %w", path, errorLine(present, err), err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("deis: profile: %w", err)
	}
	merged := make(map[string]any)
	for key, value := range keys {
		merged[key] = value
	}
	merged["username"] = p.Username
	merged["controller"] = p.Controller
	merged["token"] = p.Token
	merged["ssl_verify"] = !p.Insecure
	merged["response_limit"] = p.ResponseLimit
	data, err := json.MarshalIndent(merged, "", "  ")
	if err != nil {
		return fmt.Errorf("deis: profile %s: %w", path, err)
	}
	if err := replaceFile(path, append(data, '\n')); err != nil {
		return fmt.Errorf("deis: profile: %w", err)
	}
	return nil
}

// replaceFile replaces a file atomically, with one that only its owner can read.
func replaceFile(path string, data []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, ".profile-*") // with permissions 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // does nothing after the rename
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// profilePath returns the path of a profile, from its name or path. Only a text with a separator that ends in .json is
// a path: a name never means a file in the current folder, as in the deis client.
func profilePath(nameOrPath string) (string, error) {
	name := cmp.Or(nameOrPath, os.Getenv("DEIS_PROFILE"), "client")
	if strings.HasSuffix(name, ".json") && strings.ContainsAny(name, separators) {
		return name, nil
	}
	if strings.Contains(name, "..") || strings.ContainsAny(name, separators) {
		return "", rest.InvalidArgument(fmt.Sprintf("profile %.200q", name), "must be a name, or a path that has a separator and ends in .json")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("deis: profile %s: %w", name, err)
	}
	return filepath.Join(home, ".deis", name+".json"), nil
}

// separators include that of Windows, so that a profile's name means the same everywhere.
const separators = `/\`

// errorLine returns the line that an error of encoding/json is about.
func errorLine(data []byte, err error) int {
	offset := int64(len(data))
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &mismatch):
		offset = mismatch.Offset
	}
	// The offset is either after the invalid byte or, with GOEXPERIMENT=jsonv2, before it. An error in the first byte
	// shows which.
	var first *json.SyntaxError
	if errors.As(json.Unmarshal([]byte("?"), new(any)), &first) {
		offset -= first.Offset
	}
	before := max(0, min(offset, int64(len(data))-1)) // the error of a file that ends too early is in its last line
	return 1 + bytes.Count(data[:before], []byte("\n"))
}
