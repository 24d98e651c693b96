package deis_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/version"
)

// A profile as both generations of the command line client write it.
const aliceProfile = `{"username":"alice","ssl_verify":true,"controller":"https://deis.example.com","token":"alicestoken","response_limit":50}`

// home makes an empty home directory, and an environment without the variables of the SDK.
func home(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir) // its name on Windows
	for _, key := range []string{"DEIS_PROFILE", "DEIS_CONTROLLER", "DEIS_TOKEN"} {
		t.Setenv(key, "")
	}
	return dir
}

// permissions returns what os.Stat reports for a file with these permissions. Windows has none for groups and others,
// and package os reports the owner's.
func permissions(mode os.FileMode) os.FileMode {
	if runtime.GOOS == "windows" {
		return mode | mode>>3 | mode>>6
	}
	return mode
}

// write makes a file for its owner only.
func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func TestAProfileIsFoundByNameOrPath(t *testing.T) {
	dir := home(t)
	elsewhere := filepath.Join(t.TempDir(), "my profile.json")
	write(t, filepath.Join(dir, ".deis", "client.json"), strings.ReplaceAll(aliceProfile, "alice", "client"))
	write(t, filepath.Join(dir, ".deis", "staging.json"), strings.ReplaceAll(aliceProfile, "alice", "staging"))
	write(t, filepath.Join(dir, ".deis", "a b.c.json"), strings.ReplaceAll(aliceProfile, "alice", "dotted"))
	write(t, elsewhere, strings.ReplaceAll(aliceProfile, "alice", "elsewhere"))
	for _, c := range []struct{ name, env, username string }{
		{"", "", "client"},
		{"client", "staging", "client"},
		{"staging", "", "staging"},
		{"", "staging", "staging"},
		{"a b.c", "", "dotted"},
		{elsewhere, "", "elsewhere"},
		{"", elsewhere, "elsewhere"},
	} {
		t.Setenv("DEIS_PROFILE", c.env)
		profile, err := deis.LoadProfile(c.name)
		require.NoError(t, err, c)
		assert.Equal(t, c.username, profile.Username, c)
		client, err := deis.FromProfile(c.name)
		require.NoError(t, err, c)
		assert.Equal(t, c.username+"stoken", client.Token(), c)
	}
	t.Chdir(filepath.Join(dir, ".deis"))
	profile, err := deis.LoadProfile("./staging.json")
	require.NoError(t, err, "a path may be relative")
	assert.Equal(t, "staging", profile.Username)
	for _, env := range []string{"", "staging.json"} {
		t.Setenv("DEIS_PROFILE", env)
		_, err = deis.LoadProfile(map[string]string{"": "staging.json"}[env])
		require.ErrorIs(t, err, fs.ErrNotExist, "a name never means a file in the current folder")
		assert.ErrorContains(t, err, filepath.Join(dir, ".deis", "staging.json.json"))
	}
}

func TestANameThatLeavesTheFolderIsRefused(t *testing.T) {
	dir := home(t)
	write(t, filepath.Join(dir, "outside.json"), aliceProfile)
	for _, name := range []string{"../outside", "..", "a/b", "/etc/passwd", `a\b`, `..\outside`, "a..b", "/"} {
		for _, env := range []bool{false, true} {
			given := name
			if env {
				t.Setenv("DEIS_PROFILE", name)
				given = ""
			} else {
				t.Setenv("DEIS_PROFILE", "")
			}
			_, err := deis.LoadProfile(given)
			require.ErrorIs(t, err, deis.ErrInvalidArgument, name)
			assert.Contains(t, err.Error(), "must be a name, or a path that has a separator and ends in .json")
			_, err = deis.FromProfile(given)
			require.ErrorIs(t, err, deis.ErrInvalidArgument, name)
			require.ErrorIs(t, deis.Profile{}.Save(given), deis.ErrInvalidArgument, name)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(dir, "outside.json")}, files)
}

func TestTheErrorOfAMissingProfileNamesIt(t *testing.T) {
	dir := home(t)
	for _, load := range []func() error{
		func() error { _, err := deis.LoadProfile("staging"); return err },
		func() error { _, err := deis.FromProfile("staging"); return err },
	} {
		err := load()
		require.ErrorIs(t, err, fs.ErrNotExist)
		assert.Contains(t, err.Error(), filepath.Join(dir, ".deis", "staging.json"))
	}
	t.Setenv("HOME", "")
	t.Setenv("USERPROFILE", "")
	_, err := deis.LoadProfile("staging")
	assert.Error(t, err, "without a home directory there is no folder")
}

func TestTheErrorOfABrokenProfileNamesItsLine(t *testing.T) {
	path := filepath.Join(home(t), "profile.json")
	for content, line := range map[string]string{
		"":                                      ":1: ",
		"{\n  \"username\": \"alice\",\n}":      ":3: ",
		"{\n\n  \"token\": 5\n}":                ":3: ",
		"{\n\"ssl_verify\":\n\"yes\"\n}":        ":3: ",
		"{\"username\":\"alice\"}\n\nsecret":    ":3: ",
		"[]":                                    ":1: ",
		"{\n\"token\": \"secretsecret\n\"}":     ":2: ",
		"{\n\"token\": \"secretsecret\",\n\n\n": ":4: ",
	} {
		write(t, path, content)
		_, err := deis.LoadProfile(path)
		require.Error(t, err, "%q", content)
		assert.Contains(t, err.Error(), path+line, "%q", content)
		assert.NotContains(t, err.Error(), "secretsecret")
		_, err = deis.FromProfile(path)
		require.Error(t, err, "%q", content)

		if json.Valid([]byte(content)) && content != "[]" {
			continue // Save replaces values of the wrong type, and loses nothing
		}
		err = deis.Profile{Username: "bob", Token: "bobstoken"}.Save(path)
		require.Error(t, err, "%q", content)
		assert.Contains(t, err.Error(), path+line, "%q", content)
		assert.Contains(t, err.Error(), "not overwritten")
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, string(after), "a broken file is not overwritten: it can be the only copy")
	}
}

func TestTheErrorOfAnUnusableProfileNamesIt(t *testing.T) {
	path := filepath.Join(home(t), "profile.json")
	for content, says := range map[string]string{
		`{}`:                            "controller URL must not be empty",
		`null`:                          "controller URL must not be empty",
		`{"controller":"ftp://x"}`:      "must begin with https:// or http://",
		`{"controller":"x","token":""}`: "",
		`{"controller":"x","token":"secret secret"}`: "token must be printable",
	} {
		write(t, path, content)
		_, err := deis.FromProfile(path)
		if says == "" {
			assert.NoError(t, err, content)
			continue
		}
		require.ErrorIs(t, err, deis.ErrInvalidArgument, content)
		assert.Contains(t, err.Error(), path)
		assert.Contains(t, err.Error(), says)
		assert.NotContains(t, err.Error(), "secret secret")
	}
}

func TestReadingAProfileChangesNothing(t *testing.T) {
	dir := home(t)
	path := filepath.Join(dir, ".deis", "client.json")
	write(t, path, aliceProfile)
	require.NoError(t, os.Chmod(path, 0o644))
	before, err := os.Stat(path)
	require.NoError(t, err)
	profile, err := deis.LoadProfile("")
	require.NoError(t, err)
	assert.Equal(t, &deis.Profile{Username: "alice", Controller: "https://deis.example.com", Token: "alicestoken", ResponseLimit: 50}, profile)
	_, err = deis.FromProfile("")
	require.NoError(t, err)
	after, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, before.ModTime(), after.ModTime())
	assert.Equal(t, before.Mode(), after.Mode())
	assert.True(t, os.SameFile(before, after))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, aliceProfile, string(content))
}

func TestCertificatesAreVerifiedUnlessTheProfileSaysNotAndTheProgramAgrees(t *testing.T) {
	home(t)
	server, pool := tlsServer(t)
	path := filepath.Join(t.TempDir(), "profile.json")
	for _, c := range []struct {
		situation, verify string
		opts              []deis.Option
		connects, warned  bool
	}{
		{"missing", ``, nil, false, false},
		{"null", `,"ssl_verify":null`, nil, false, false},
		{"true", `,"ssl_verify":true`, nil, false, false},
		{"false, as older clients always wrote", `,"ssl_verify":false`, nil, false, false},
		{"false, and the program agrees", `,"ssl_verify":false`, []deis.Option{deis.WithInsecureProfile()}, true, true},
		{"true, though the program would agree", `,"ssl_verify":true`, []deis.Option{deis.WithInsecureProfile()}, false, false},
		{"true, and a private CA", ``, []deis.Option{deis.WithTLSConfig(&tls.Config{RootCAs: pool})}, true, false},
		{"false, but the program has its own TLS config", `,"ssl_verify":false`, []deis.Option{deis.WithInsecureProfile(), deis.WithTLSConfig(new(tls.Config))}, false, false},
		{"false, but the program has its own transport", `,"ssl_verify":false`, []deis.Option{deis.WithTransport(new(http.Transport))}, false, false},
		{"false, but the program has its own HTTP client", `,"ssl_verify":false`, []deis.Option{deis.WithHTTPClient(&http.Client{Transport: new(http.Transport)})},
			false, false},
	} {
		write(t, path, `{"controller":"`+server.URL+`","token":"alicestoken"`+c.verify+`}`)
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		client, err := deis.FromProfile(path, append(c.opts, deis.WithLogger(logger), deis.WithRetry(deis.RetryPolicy{}))...)
		require.NoError(t, err, c.situation)
		_, err = client.Apps.Get(t.Context(), "a")
		client.CloseIdleConnections()
		if c.connects {
			assert.NoError(t, err, c.situation)
		} else {
			var untrusted *tls.CertificateVerificationError
			assert.ErrorAs(t, err, &untrusted, c.situation)
		}
		assert.Equal(t, c.warned, strings.Contains(log.String(), "TLS certificates are not verified"), c.situation)
		ignored := strings.Contains(c.verify, "false") && !strings.Contains(c.situation, "agrees") && len(c.opts) == 0
		assert.Equal(t, ignored, strings.Contains(log.String(), "certificates are verified although the profile says ssl_verify: false; see WithInsecureProfile"), c.situation)
		assert.NotContains(t, log.String(), "alicestoken")
	}

	write(t, path, `{"controller":"https://deis.example.com","ssl_verify":false}`)
	client, err := deis.FromProfile(path, deis.WithAPIVersion(version.V2_2), deis.WithTransport(exchange.RoundTrip(func(*http.Request) (*http.Response, error) {
		return httpmock.NewStringResponse(200, `{"id":"a","uuid":"u"}`), nil
	})))
	require.NoError(t, err, "a transport of any type works")
	_, err = client.Apps.Get(t.Context(), "a")
	require.NoError(t, err)
}

func TestAProfileThatOthersCanReadIsUsedWithAWarning(t *testing.T) {
	home(t)
	path := filepath.Join(t.TempDir(), "profile.json")
	write(t, path, aliceProfile)
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o644: true, 0o620: true, 0o601: true} {
		require.NoError(t, os.Chmod(path, mode))
		warned = warned && runtime.GOOS != "windows" // which has no such permissions
		var log bytes.Buffer
		client, err := deis.FromProfile(path, deis.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		require.NoError(t, err)
		assert.Equal(t, "alicestoken", client.Token(), "it is used anyway")
		assert.Equal(t, warned, strings.Contains(log.String(), "others can read the profile"), "%o", mode)
		assert.Equal(t, warned, strings.Contains(log.String(), path), "%o", mode)
		_, err = deis.FromProfile(path) // without a logger
		require.NoError(t, err)
	}
}

func TestOptionsAreAppliedAfterTheProfile(t *testing.T) {
	home(t)
	path := filepath.Join(t.TempDir(), "profile.json")
	write(t, path, aliceProfile)
	client, err := deis.FromProfile(path, deis.WithToken("another"))
	require.NoError(t, err)
	assert.Equal(t, "another", client.Token())
	_, err = deis.FromProfile(path, deis.WithTransport(nil))
	require.ErrorIs(t, err, deis.ErrInvalidArgument)
}

func TestTheEnvironmentTakesPrecedenceOverTheProfile(t *testing.T) {
	dir := home(t)
	_, err := deis.FromEnv()
	require.ErrorIs(t, err, fs.ErrNotExist, "neither")
	assert.ErrorContains(t, err, "set DEIS_CONTROLLER and DEIS_TOKEN")

	write(t, filepath.Join(dir, ".deis", "client.json"), aliceProfile)
	write(t, filepath.Join(dir, ".deis", "ci.json"), strings.ReplaceAll(aliceProfile, "alice", "ci"))
	client, err := deis.FromEnv()
	require.NoError(t, err)
	assert.Equal(t, "alicestoken", client.Token())
	t.Setenv("DEIS_PROFILE", "ci")
	client, err = deis.FromEnv()
	require.NoError(t, err)
	assert.Equal(t, "cistoken", client.Token())

	t.Setenv("DEIS_CONTROLLER", "deis.example.org")
	_, err = deis.FromEnv()
	require.ErrorIs(t, err, deis.ErrInvalidArgument, "the profile's token is not for this Controller")
	assert.Contains(t, err.Error(), "DEIS_CONTROLLER is set, but DEIS_TOKEN is not")

	t.Setenv("DEIS_TOKEN", "envstoken")
	var host string
	client, err = deis.FromEnv(deis.WithAPIVersion(version.V2_2), deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
		host = req.URL.Host
		assert.Equal(t, "token envstoken", req.Header.Get("Authorization"))
		return httpmock.NewStringResponse(200, `{"id":"a","uuid":"u"}`), nil
	})))
	require.NoError(t, err)
	_, err = client.Apps.Get(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, "deis.example.org", host)
	client, err = deis.FromEnv(deis.WithToken("another"))
	require.NoError(t, err)
	assert.Equal(t, "another", client.Token())

	t.Setenv("DEIS_CONTROLLER", "")
	_, err = deis.FromEnv()
	require.ErrorIs(t, err, deis.ErrInvalidArgument)
	assert.Contains(t, err.Error(), "DEIS_TOKEN is set, but DEIS_CONTROLLER is not")
	assert.NotContains(t, err.Error(), "envstoken")
}

func TestAURLAndATokenThatAreSwappedAreRefusedAndNotShown(t *testing.T) {
	dir := home(t)
	const token, short = "c0ffee0123456789c0ffee0123456789c0ffee01", "sesame-open"
	for _, c := range []struct{ controller, token, says string }{
		{token, "https://deis.example.com", "DEIS_TOKEN must not be a URL: has it been swapped with DEIS_CONTROLLER?"},
		{short, "HTTP://deis.example.com:8000/", "DEIS_TOKEN must not be a URL: has it been swapped with DEIS_CONTROLLER?"},
		{token, "deis.example.com", "controller URL must not be a token"},
		{"https://" + token + "/", token, "controller URL must not be a token"},
		{short, short, "controller URL must not be a token"},
		{token + "://deis.example.com", token, "controller URL must begin with https:// or http://"},
		{token + "://deis.example.com", "another", "controller URL must begin with https:// or http://"},
		{short + "://deis.example.com", short, "controller URL must begin with https:// or http://"},
		{"https://deis.example.com/v2/" + short, short, "controller URL must not have an API version in its path"},
		{"https://deis.example.com/" + token + "/v2/", "another", "controller URL must not have an API version in its path"},
		{"https:/" + token, token, "controller URL must have a host"},
	} {
		t.Setenv("DEIS_CONTROLLER", c.controller)
		t.Setenv("DEIS_TOKEN", c.token)
		_, fromEnv := deis.FromEnv()
		path := filepath.Join(dir, "swapped.json")
		require.NoError(t, deis.Profile{Controller: c.controller, Token: c.token}.Save(path))
		_, fromProfile := deis.FromProfile(path)
		for _, err := range []error{fromEnv, fromProfile} {
			require.ErrorIs(t, err, deis.ErrInvalidArgument, c.says)
			assert.NotContains(t, err.Error(), token, c.says)
			assert.NotContains(t, err.Error(), short, c.says)
		}
		assert.ErrorContains(t, fromEnv, c.says)
		if !strings.Contains(c.says, "DEIS_TOKEN") {
			assert.ErrorContains(t, fromProfile, c.says)
		}
	}
}

func TestOnlyTheOwnerCanReadASavedProfile(t *testing.T) {
	dir := home(t)
	want := deis.Profile{Username: "alice", Controller: "https://deis.example.com", Token: `alice"<&>token`, ResponseLimit: 50}
	require.NoError(t, want.Save("staging"))
	path := filepath.Join(dir, ".deis", "staging.json")
	file, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, permissions(0o600), file.Mode().Perm())
	folder, err := os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	assert.Equal(t, permissions(0o700), folder.Mode().Perm())
	got, err := deis.LoadProfile("staging")
	require.NoError(t, err)
	assert.Equal(t, &want, got)

	require.NoError(t, os.Chmod(path, 0o644)) // as an older client left it
	require.NoError(t, want.Save("staging"))
	file, err = os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, permissions(0o600), file.Mode().Perm())

	deep := filepath.Join(dir, "a", "b", "profile.json")
	require.NoError(t, want.Save(deep))
	folder, err = os.Stat(filepath.Dir(deep))
	require.NoError(t, err)
	assert.Equal(t, permissions(0o700), folder.Mode().Perm())
}

func TestSavingThroughALinkKeepsTheLink(t *testing.T) {
	dir := home(t)
	target, link := filepath.Join(dir, "dotfiles.json"), filepath.Join(dir, "profile.json")
	write(t, target, `{"username":"alice"}`)
	require.NoError(t, os.Symlink(target, link))
	require.NoError(t, deis.Profile{Username: "bob", Controller: "y", Token: "new"}.Save(link))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.Equal(t, os.ModeSymlink, info.Mode().Type())
	profile, err := deis.LoadProfile(target)
	require.NoError(t, err)
	assert.Equal(t, "bob", profile.Username)
}

func TestSavingKeepsUnknownKeys(t *testing.T) {
	path := filepath.Join(home(t), "profile.json")
	write(t, path, `{"username":"alice","token":"old","ssl_verify":true,"controller":"x","response_limit":1,
		"plugin":{"a":[1,null,"<"]},"big":12345678901234567890,"small":1.10,"none":null}`)
	require.NoError(t, deis.Profile{Username: "bob", Controller: "y", Token: "new"}.Save(path))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var keys map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(content, &keys), "%s", content)
	got := make(map[string]string)
	for key, value := range keys {
		var compact bytes.Buffer
		require.NoError(t, json.Compact(&compact, value))
		got[key] = strings.ReplaceAll(compact.String(), `\u003c`, "<")
	}
	assert.Equal(t, map[string]string{
		"username": `"bob"`, "controller": `"y"`, "token": `"new"`, "ssl_verify": "true", "response_limit": "0",
		"plugin": `{"a":[1,null,"<"]}`, "big": "12345678901234567890", "small": "1.10", "none": "null",
	}, got)
}

func TestAProfileOfNullCanBeOverwritten(t *testing.T) {
	path := filepath.Join(home(t), "profile.json")
	write(t, path, "null")
	require.NoError(t, deis.Profile{Username: "bob"}.Save(path))
	got, err := deis.LoadProfile(path)
	require.NoError(t, err)
	assert.Equal(t, "bob", got.Username)
}

func TestAProfileIsReplacedAtomically(t *testing.T) {
	dir := home(t)
	path := filepath.Join(dir, ".deis", "client.json")
	write(t, path, aliceProfile)
	old, err := os.Open(path)
	require.NoError(t, err)
	defer old.Close()

	done := make(chan error)
	go func() {
		for i := range 50 {
			if err := (deis.Profile{Username: strings.Repeat("x", 1000*i), Token: "t"}).Save(""); err != nil && runtime.GOOS != "windows" { // where it fails while the file is open
				done <- err
				return
			}
		}
		done <- nil
	}()
	reads := 0
	for saving := true; saving; reads++ {
		select {
		case err := <-done:
			require.NoError(t, err)
			saving = false
		default:
		}
		_, err := deis.LoadProfile("")
		require.NoError(t, err, "a reader never sees half a file")
	}
	assert.Positive(t, reads)
	content, err := io.ReadAll(old)
	require.NoError(t, err)
	assert.Equal(t, aliceProfile, string(content), "a reader that has the old file open keeps it")
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, files, 1, "no temporary file is left")
}

func TestAProfileThatCannotBeSavedLeavesNothingBehind(t *testing.T) {
	dir := home(t)
	directory := filepath.Join(dir, "directory.json")
	require.NoError(t, os.MkdirAll(filepath.Join(directory, "full"), 0o700))
	err := deis.Profile{Token: "secretsecret"}.Save(directory)
	require.Error(t, err)
	assert.Contains(t, err.Error(), directory)
	assert.NotContains(t, err.Error(), "secretsecret")

	file := filepath.Join(dir, "file")
	write(t, file, "x")
	require.Error(t, deis.Profile{}.Save(filepath.Join(file, "profile.json")))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 2)
}
