package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// TestMain runs the program instead of the tests if a test started this process.
func TestMain(m *testing.M) {
	if os.Getenv("QUICKSTART_RUNS") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestTheStoryIsTheSameInAllVersions(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"1.6", "2.2", "2.3"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.NoError(t, run(t.Context(), &out, options{api: api, image: "deis/example-go:latest"}))
			for _, line := range []string{
				"• logged in as alice, speaking API " + api,
				"• set GREETING=hello\n",
				"• scaled to web=2 worker=1, all up:",
				"• added the domain quickstart-",
				"• added a certificate for quickstart-",
				"• deleted the certificate\n",
				"• added the key quickstart-",
				"• shared the app with bob\n",
				"alice deployed deis/example-go:latest",
				"• ran a one-off command, exit status 0: good morning",
				"• rolled back in release v5; GREETING=hello again",
				"alice rolled back to v3",
				"• deleted app quickstart-",
			} {
				assert.Contains(t, out.String(), line)
			}
		})
	}
}

func TestNothingIsLeftOnAGivenController(t *testing.T) {
	t.Parallel()
	server := deistest.NewServer(deistest.WithAPIVersion(version.V1_6))
	defer server.Close()
	var out bytes.Buffer
	o := options{controller: server.URL, username: server.Username, password: server.Password, image: "deis/example-go:latest"}
	require.NoError(t, run(t.Context(), &out, o))
	assertClean(t, server)
}

// assertClean checks that the story left nothing on a Controller.
func assertClean(t *testing.T, server *deistest.Server) {
	t.Helper()
	client, err := deis.New(server.URL, deis.WithToken(server.Token))
	require.NoError(t, err)
	apps, err := deis.Collect(client.Apps.All(t.Context(), deis.ListOptions{}))
	require.NoError(t, err)
	assert.Empty(t, apps)
	certs, err := deis.Collect(client.Certs.All(t.Context(), deis.ListOptions{}))
	require.NoError(t, err)
	assert.Empty(t, certs)
	keys, err := deis.Collect(client.Keys.All(t.Context(), deis.ListOptions{}))
	require.NoError(t, err)
	assert.Empty(t, keys)
}

func TestTheAppIsDeletedAfterAFailure(t *testing.T) {
	t.Parallel()
	server := deistest.NewServer()
	defer server.Close()
	var out bytes.Buffer
	o := options{controller: server.URL, username: server.Username, password: server.Password, image: "deis/nonexistent:1"}
	err := run(t.Context(), &out, o)
	assert.ErrorContains(t, err, "image deis/nonexistent:1 not found")
	assert.Contains(t, out.String(), "• deleted app quickstart-")
}

// A closing output accepts some lines and then fails, like a pipe whose reader has ended.
type closing int

func (c *closing) Write(text []byte) (int, error) {
	if *c--; *c < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(text), nil
}

func TestNothingIsLeftWhereverTheOutputIsClosed(t *testing.T) {
	t.Parallel()
	for lines := range 16 { // the last line reports the new key
		server := deistest.Start(t)
		out := closing(lines)
		o := options{controller: server.URL, username: server.Username, password: server.Password, image: "deis/example-go:latest"}
		assert.ErrorContains(t, run(t.Context(), &out, o), "the output was closed", "after %d lines", lines)
		assertClean(t, server)
	}
}

func TestAProgramWhoseReaderEndsCleansUp(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t)
	program := exec.Command(os.Args[0], "-controller", server.URL, "-username", server.Username)
	program.Env = append(os.Environ(), "QUICKSTART_RUNS=1", "DEIS_PASSWORD="+server.Password)
	var errOut strings.Builder
	program.Stderr = &errOut
	out, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, line, "logged in as")
	require.NoError(t, out.Close())
	var failure *exec.ExitError
	require.ErrorAs(t, program.Wait(), &failure)
	assert.Equal(t, 1, failure.ExitCode(), "it exits, and is not ended by a signal")
	assert.Contains(t, errOut.String(), "the output was closed")
	assertClean(t, server)
}

func TestMistakesAreReportedInOneLine(t *testing.T) {
	t.Parallel()
	controller := deistest.NewServer()
	t.Cleanup(controller.Close)
	website := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html><head><title>My home page</title></head></html>"))
	}))
	t.Cleanup(website.Close)
	for name, test := range map[string]struct {
		o    options
		want string
	}{
		"wrong password":      {options{controller: controller.URL, username: controller.Username, password: "wrong"}, `wrong username or password for "admin"`},
		"no password":         {options{controller: controller.URL, username: controller.Username}, "password must not be empty"},
		"wrong URL":           {options{controller: "ftp://deis.example.com", username: "a", password: "b"}, "must begin with https:// or http://"},
		"unreachable host":    {options{controller: "http://127.0.0.1:1", username: "a", password: "b"}, "connection refused"},
		"not a Controller":    {options{controller: website.URL, username: "a", password: "b"}, "My home page"},
		"not a version":       {options{api: "two"}, `"two" is not an API version`},
		"unsupported version": {options{api: "3.0"}, "the Controller speaks API 3.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), &bytes.Buffer{}, test.o)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}
