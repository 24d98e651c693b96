package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// command runs the program against a Controller.
func command(t *testing.T, server *deistest.Server, args ...string) (status int, out, errOut string) {
	t.Helper()
	if server != nil {
		t.Setenv("DEIS_CONTROLLER", server.URL)
		t.Setenv("DEIS_TOKEN", server.Token)
	}
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), args, &stdout, &stderr, false)
	return status, stdout.String(), stderr.String()
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestADeployAndItsRepetition(t *testing.T) {
	for _, api := range []version.API{version.V1_6, version.V2_2} {
		t.Run(api.String(), func(t *testing.T) {
			server := deistest.NewServer(deistest.WithAPIVersion(api))
			defer server.Close()
			args := []string{
				"-app", "example-go", "-image", "deis/example-go:v1", "-create", "-scale", "web=2, worker=1",
				"-procfile", file(t, "web: example-go\nworker: sleep 1\n"), "-config", file(t, "# of the app\nexport GREETING='good morning'\nPORT=5000\n"),
			}
			status, out, errOut := command(t, server, args...)
			assert.Equal(t, deployed, status, errOut)
			for _, line := range []string{
				"create    created app example-go\n", "config    changed GREETING, PORT\n", "build     deployed deis/example-go:v1\n",
				"wait      3 of 3 pods up\n", "deployed: release v3, 3 pods up\n",
			} {
				assert.Contains(t, out, line)
			}
			assert.NotContains(t, out, "good morning", "values may be secrets")
			assert.NotContains(t, out, "\x1b", "no control sequences in the log of a CI")

			status, out, _ = command(t, server, args...)
			assert.Equal(t, deployed, status)
			assert.Contains(t, out, "nothing to do: release v3, 3 pods up\n")
		})
	}
}

func TestAFailureThatIsRolledBackHasAStatusOfItsOwn(t *testing.T) {
	server := deistest.NewServer()
	defer server.Close()
	procfile := file(t, "web: example-go")
	good := []string{"-app", "example-go", "-create", "-procfile", procfile, "-scale", "web=1", "-image", "deis/example-go:v1"}
	status, _, errOut := command(t, server, good...)
	require.Equal(t, deployed, status, errOut)

	bad := []string{"-app", "example-go", "-procfile", procfile, "-image", "deis/example-go:k8s-fail", "-config", file(t, "A=1")}
	status, out, _ := command(t, server, append(bad, "-rollback")...)
	assert.Equal(t, rolledBack, status)
	assert.Contains(t, out, "FAILED, and rolled back: release v4 runs what v2 ran\n")

	status, out, _ = command(t, server, bad...)
	assert.Equal(t, failed, status)
	assert.Contains(t, out, "FAILED\ndeploying app example-go: deis: POST /v2/apps/example-go/builds/: 400 Bad Request")
}

func TestWithoutCreateAMissingAppIsToldHowToMake(t *testing.T) {
	server := deistest.NewServer()
	defer server.Close()
	args := []string{"-app", "example-go", "-image", "deis/example-go:v1", "-procfile", file(t, "web: example-go")}
	status, out, _ := command(t, server, args...)
	assert.Equal(t, failed, status)
	assert.Contains(t, out, "404 Not Found: Not found. (-create makes the app)\n")

	status, out, _ = command(t, server, append(args, "-create")...)
	assert.Equal(t, deployed, status)
	assert.Contains(t, out, "no process of web is asked for: only cmd=1 runs; scale them\n")

	server.Controller.AddFault(deistest.Fault{Method: "POST", Path: "/apps/*/scale", Status: 404})
	_, out, _ = command(t, server, append(args, "-scale", "web=1")...)
	assert.Contains(t, out, "FAILED\n")
	assert.NotContains(t, out, "-create", "the app is there")
}

func TestMachinesGetOneObjectALine(t *testing.T) {
	status, out, errOut := command(t, nil, "-embedded", "-json", "-app", "example-go", "-create", "-image", "deis/example-go:v1")
	require.Equal(t, deployed, status, errOut)
	var last map[string]any
	for line := range strings.Lines(out) {
		last = nil
		require.NoError(t, json.Unmarshal([]byte(line), &last), line)
	}
	assert.Equal(t, map[string]any{
		"ok": true, "changed": true, "rolled_back": false, "created": true, "built": true, "config_changed": nil, "scaled": nil,
		"previous": 1.0, "release": 2.0, "pods": 1.0,
	}, last)
}

func TestOnATerminalALineReplacesTheOneBefore(t *testing.T) {
	var out, errOut bytes.Buffer
	status := run(t.Context(), []string{"-embedded", "-app", "example-go", "-create", "-image", "deis/example-go:v1"}, &out, &errOut, true)
	require.Equal(t, deployed, status, errOut.String())
	assert.Contains(t, out.String(), "0 of 1 pods up\n\x1b[1A\x1b[2K")
}

func TestWrongUsageIsToldInOneLine(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no app":            {[]string{"-image", "x"}, "-app is needed"},
		"no image":          {[]string{"-app", "x"}, "-image is needed"},
		"an argument":       {[]string{"-app", "x", "-image", "x", "now"}, `unexpected argument "now"`},
		"scale":             {[]string{"-app", "x", "-image", "x", "-scale", "web"}, "want types and numbers"},
		"negative scale":    {[]string{"-app", "x", "-image", "x", "-scale", "web=-1"}, "want types and numbers"},
		"no such file":      {[]string{"-app", "x", "-image", "x", "-procfile", "nosuch"}, "no such file"},
		"broken Procfile":   {[]string{"-app", "x", "-image", "x", "-procfile", file(t, "web: a\nnonsense")}, ":2: want a process type"},
		"twice in Procfile": {[]string{"-app", "x", "-image", "x", "-procfile", file(t, "web: a\nweb: b")}, ":2: web stands here twice"},
		"broken config":     {[]string{"-app", "x", "-image", "x", "-config", file(t, "A=1\n\nnonsense")}, ":3: want a variable"},
		"broken quotes":     {[]string{"-app", "x", "-image", "x", "-config", file(t, `A="secret\"`)}, ":1: the quoted value of A cannot be read"},
		"timeout":           {[]string{"-app", "x", "-image", "x", "-timeout", "0s"}, "-timeout must be positive"},
		"version":           {[]string{"-app", "x", "-image", "x", "-api", "two"}, "is not an API version"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, errOut := command(t, nil, test.args...)
			assert.Equal(t, wrongUsage, status)
			assert.Contains(t, errOut, test.want)
			assert.NotContains(t, errOut, "secret")
			assert.Equal(t, 1, strings.Count(errOut, "\n"))
		})
	}
}

func TestWithoutAControllerItFails(t *testing.T) {
	t.Setenv("DEIS_CONTROLLER", "")
	t.Setenv("DEIS_TOKEN", "")
	t.Setenv("DEIS_PROFILE", "")
	t.Setenv("HOME", t.TempDir())
	status, _, errOut := command(t, nil, "-app", "x", "-image", "x")
	assert.Equal(t, failed, status)
	assert.Contains(t, errOut, "client.json")
}

func TestAnInterruptEndsIt(t *testing.T) {
	server := deistest.NewServer()
	defer server.Close()
	t.Setenv("DEIS_CONTROLLER", server.URL)
	t.Setenv("DEIS_TOKEN", server.Token)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errOut bytes.Buffer
	assert.Equal(t, failed, run(ctx, []string{"-app", "example-go", "-image", "x"}, &out, &errOut, false))
	assert.Contains(t, out.String(), "context canceled")
}
