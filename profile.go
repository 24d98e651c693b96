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

// A Profile is what the deis command line client remembers of a login. Both generations of it keep profiles as JSON in
// $HOME/.deis. Printing a Profile, or writing it as JSON, does not show the token.
//
// Insecure is ssl_verify in the file, the other way round, so that a Profile that does not mention it is safe. A file that
// leaves ssl_verify out means true; the older client took that for false.
type Profile struct {
	Username      string `json:"username"`
	Controller    string `json:"controller"` // the URL
	Token         string `json:"-"`
	Insecure      bool   `json:"insecure"`       // certificates are not verified; see below
	ResponseLimit int    `json:"response_limit"` // the page size of the command line client; the SDK does not use it
}

// String shows the profile without its token.
func (p Profile) String() string {
	return fmt.Sprintf("{Username:%s Controller:%s Token:[redacted] Insecure:%t ResponseLimit:%d}",
		p.Username, p.Controller, p.Insecure, p.ResponseLimit)
}

// GoString does the same for %#v.
func (p Profile) GoString() string { return "deis.Profile" + p.String() }

// profileFile is a profile on disk; what a file leaves out is nil.
type profileFile struct {
	Username      string `json:"username"`
	SSLVerify     *bool  `json:"ssl_verify"`
	Controller    string `json:"controller"`
	Token         string `json:"token"`
	ResponseLimit int    `json:"response_limit"`
}

// FromProfile makes a client from a profile of the deis command line client: the name of one in $HOME/.deis, or the
// path of a file, which has a separator in it and ends in .json. An empty name means $DEIS_PROFILE, or else "client". The
// options are applied after what the profile says.
//
// Certificates are verified even if the profile says ssl_verify: false, unless WithInsecureProfile is given: older deis
// clients wrote false into every profile. A file that others may read is used. Both are a warning to the logger.
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
	if s := client.options; s.logger != nil && s.verifiesYet {
		s.logger.Warn("deis: the profile says ssl_verify: false: certificates are verified all the same; see WithInsecureProfile", "path", path)
	}
	info, err := os.Stat(path)
	open := err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" // which has no such permissions
	if logger := client.options.logger; logger != nil && open {
		logger.Warn("deis: others may read the profile and the token in it: chmod 600 it", "path", path)
	}
	return client, nil
}

// FromEnv makes a client for $DEIS_CONTROLLER with the token $DEIS_TOKEN or, where neither is set, from the profile
// that FromProfile("") means. One of them alone is an error: a token must not go to a Controller that it is not for.
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
		return nil, rest.InvalidArgument("DEIS_CONTROLLER", "must be set where DEIS_TOKEN is")
	case token == "":
		return nil, rest.InvalidArgument("DEIS_TOKEN", "must be set where DEIS_CONTROLLER is")
	}
	return New(controller, append([]Option{WithToken(token)}, opts...)...)
}

// LoadProfile reads a profile; the name or path is as for FromProfile. It never changes the file. Its error names the
// file and, where the file is broken, the line; for a file that is not there it matches fs.ErrNotExist.
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

// Save writes the profile; the name or path is as for FromProfile. The file is readable by its owner only, is replaced
// at once or not at all, and keeps the keys that the SDK does not know. Where it is a symbolic link, the file that it
// leads to is replaced. On Windows, Save fails while another program has the file open.
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

// replaceFile writes a file for its owner only, by way of another one beside it.
func replaceFile(path string, data []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, ".profile-*") // is 0600 by itself
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

// profilePath finds the file that a profile's name or path means. Only what has a separator and ends in .json is a path:
// a name never reads a file of the current folder, as in the deis client.
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

// separators are those of Windows too: a profile's name means the same everywhere.
const separators = `/\`

// errorLine finds the line that an error of encoding/json is about.
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
	// The offset is behind what is wrong, or in front of it (GOEXPERIMENT=jsonv2), as an error in the first byte shows.
	var first *json.SyntaxError
	if errors.As(json.Unmarshal([]byte("?"), new(any)), &first) {
		offset -= first.Offset
	}
	before := max(0, min(offset, int64(len(data))-1)) // a file that ends too early is wrong in its last line
	return 1 + bytes.Count(data[:before], []byte("\n"))
}
