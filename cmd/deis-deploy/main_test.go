package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/version"
)

// TestMain runs the tool itself if a test has started this program as a process.
func TestMain(m *testing.M) {
	if os.Getenv("DEIS_DEPLOY_RUNS") != "" {
		main()
		return
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // or the programs would ignore it where the tests run under nohup
	os.Exit(m.Run())
}

// program is the tool as a process with an environment of its own.
func program(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	p := exec.CommandContext(ctx, os.Args[0], args...)
	p.Env = append([]string{"DEIS_DEPLOY_RUNS=1", "GORACE=atexit_sleep_ms=10", "HOME=" + t.TempDir(), "USERPROFILE=" + t.TempDir(), "SystemRoot=" + os.Getenv("SystemRoot")}, env...)
	return p
}

func environment(server *deistest.Server) []string {
	return []string{"DEIS_CONTROLLER=" + server.URL, "DEIS_TOKEN=" + server.Token}
}

// An end is the exit of a process.
type end struct {
	status      int
	out, errOut string
}

func runProgram(t *testing.T, env []string, args ...string) end {
	t.Helper()
	p := program(t, env, args...)
	var out, errOut strings.Builder
	p.Stdout, p.Stderr = &out, &errOut
	status := exitStatus(t, p.Run())
	return end{status, out.String(), errOut.String()}
}

func exitStatus(t *testing.T, err error) int {
	t.Helper()
	var failure *exec.ExitError
	if errors.As(err, &failure) {
		return failure.ExitCode()
	}
	require.NoError(t, err)
	return 0
}

// command deploys to a server.
func command(t *testing.T, server *deistest.Server, args ...string) end {
	t.Helper()
	return runProgram(t, environment(server), append([]string{"-app", "example-go"}, args...)...)
}

// lastObject decodes all lines as jq would, checks that none has a null, and returns the last.
func lastObject(t *testing.T, out string) map[string]any {
	t.Helper()
	var last map[string]any
	for line := range strings.Lines(out) {
		last = nil
		require.NoError(t, json.Unmarshal([]byte(line), &last), line)
		assert.NotContains(t, line, "null")
	}
	require.Contains(t, last, "ok", "the last object is the result")
	return last
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func clientOf(t *testing.T, server *deistest.Server) *deis.Client {
	t.Helper()
	client, err := deis.New(server.URL, deis.WithToken(server.Token))
	require.NoError(t, err)
	return client
}

// running returns the image that the app runs, and the number of pods of each type that are up.
func running(t *testing.T, server *deistest.Server) (image string, up map[string]int) {
	t.Helper()
	client := clientOf(t, server)
	release, err := client.Releases.Current(t.Context(), "example-go")
	require.NoError(t, err)
	for build, err := range client.Builds.All(t.Context(), "example-go", deis.ListOptions{}) {
		require.NoError(t, err)
		if build.UUID == release.Build {
			image = build.Image
		}
	}
	up = make(map[string]int)
	for pod, err := range client.Pods.All(t.Context(), "example-go", pods.ListOptions{}) {
		require.NoError(t, err)
		if pod.Up() {
			up[pod.Type]++
		}
	}
	return image, up
}

var versions = []version.API{version.V1_6, version.V2_2, version.V2_3}

func TestADeployAndASecondOne(t *testing.T) {
	t.Parallel()
	for _, api := range versions {
		t.Run(api.String(), func(t *testing.T) {
			t.Parallel()
			server := deistest.Start(t, deistest.WithAPIVersion(api))
			args := []string{
				"-image", "deis/example-go:v1", "-create", "-scale", "web=2, worker=1", "-set", "MODE=fast", "-domain", "www.example.com",
				"-procfile", file(t, "web: example-go\nworker: sleep 1\n"), "-env-file", file(t, "# of the app\nexport GREETING='good morning'\nPORT=5000\n"),
			}
			first := command(t, server, args...)
			require.Equal(t, deployed, first.status, first.errOut)
			assert.Empty(t, first.errOut)
			assert.Contains(t, first.out, "deploying example-go to "+server.URL+": at most 10m0s\n")
			assert.Contains(t, first.out, "3 pods up\n")
			assert.NotContains(t, first.out, "good morning", "values may be secrets")
			assert.NotContains(t, first.out, "\x1b", "no control sequences in the log of a CI")
			image, up := running(t, server)
			assert.Equal(t, "deis/example-go:v1", image)
			assert.Equal(t, map[string]int{"web": 2, "worker": 1}, up)

			again := command(t, server, args...)
			assert.Equal(t, deployed, again.status, again.errOut)
			assert.Contains(t, again.out, "nothing to do: release v")
			assert.Contains(t, command(t, server, append(args, "-force")...).out, "deployed: release v")
		})
	}
}

func TestEveryFlagReachesTheController(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t, deistest.WithAPIVersion(version.V2_3), deistest.WithApp("example-go", ""))
	client := clientOf(t, server)
	end := command(t, server, "-image", "deis/example-go:v1", "-procfile", file(t, "{web: ./server, worker: ./worker}"),
		"-set", "A=1", "-set", "B=x,y=z", "-set", "C=", "-limit", "web=512M", "-limit-cpu", "web=250m", "-tag", "disk=ssd",
		"-domain", "a.example.com,b.example.com", "-domain", "c.example.com", "-autoscale", "worker=2-4@75%", "-maintenance", "on",
		"-scale", "web=1", "-scale", "worker=2")
	require.Equal(t, deployed, end.status, end.errOut)
	config, err := client.Config.Get(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"A": "1", "B": "x,y=z", "C": ""}, config.Values)
	assert.Equal(t, map[string]string{"web": "512M"}, config.Memory)
	assert.Equal(t, map[string]string{"web": "250m"}, config.CPU)
	assert.Equal(t, map[string]string{"disk": "ssd"}, config.Tags)
	domains, err := deis.Collect(client.Domains.All(t.Context(), "example-go", deis.ListOptions{}))
	require.NoError(t, err)
	assert.Len(t, domains, 4, "and the one of the app's own")
	present, err := client.Settings.Get(t.Context(), "example-go")
	require.NoError(t, err)
	assert.True(t, present.Maintenance)
	assert.Equal(t, 4, present.Autoscale["worker"].Max)

	end = command(t, server, "-unset", "A,B", "-limit", "web=", "-tag", "disk=", "-autoscale", "worker=off", "-maintenance", "off", "-json")
	require.Equal(t, deployed, end.status, end.errOut)
	assert.Equal(t, "deployed", lastObject(t, end.out)["reason"])
	config, err = client.Config.Get(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"C": ""}, config.Values)
	assert.Empty(t, config.Memory)
	assert.Empty(t, config.Tags)
	present, err = client.Settings.Get(t.Context(), "example-go")
	require.NoError(t, err)
	assert.False(t, present.Maintenance)
	assert.Empty(t, present.Autoscale)
}

func TestAFailureThatIsRolledBackHasAStatusOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, api := range versions {
		t.Run(api.String(), func(t *testing.T) {
			t.Parallel()
			server := deistest.Start(t, deistest.WithAPIVersion(api))
			procfile := file(t, "web: example-go")
			good := command(t, server, "-create", "-procfile", procfile, "-scale", "web=1", "-image", "deis/example-go:v1")
			require.Equal(t, deployed, good.status, good.errOut)

			bad := []string{"-procfile", procfile, "-image", "deis/example-go:k8s-fail", "-set", "A=1", "-log-lines", "2"}
			end := command(t, server, append(bad, "-rollback")...)
			assert.Equal(t, rolledBack, end.status)
			assert.Contains(t, end.errOut, "deis-deploy: FAILED: deploying app example-go: ")
			assert.Regexp(t, `\n  the app runs release v\d, a copy of release v2\n`, end.errOut)
			assert.Contains(t, end.errOut, "the last lines of the app's log:\n    ")
			assert.NotContains(t, end.out, "FAILED", "failures go to standard error")
			image, up := running(t, server)
			assert.Equal(t, "deis/example-go:v1", image)
			assert.Equal(t, map[string]int{"web": 1}, up)

			end = command(t, server, "-image", "deis/nonexistent:1", "-rollback")
			assert.Equal(t, rolledBack, end.status, "only v1.6 Controllers have made a release that must be rolled back")
			assert.Regexp(t, `\n  the app (still runs release v\d|runs release v\d, a copy of release v\d)\n`, end.errOut)

			end = command(t, server, append(bad, "-json")...)
			assert.Equal(t, failed, end.status)
			assert.Contains(t, end.errOut, "deis-deploy: FAILED: ", "people find it with -json, too")
			last := lastObject(t, end.out)
			assert.Equal(t, "refused", last["reason"])
			assert.EqualValues(t, failed, last["status"])
			assert.Contains(t, last["error"], "/builds/: ")
		})
	}
}

func TestADryRunSaysWhatWouldChangeAndChangesNothing(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t, deistest.WithApp("example-go", ""))
	args := []string{"-image", "deis/example-go:v1", "-set", "A=secret", "-scale", "web=2", "-procfile", file(t, "web: example-go"), "-dry-run"}
	end := command(t, server, args...)
	require.Equal(t, deployed, end.status, end.errOut)
	for _, step := range []string{"config ", "build ", "scale ", "dry run: 3 changes needed, nothing was changed\n"} {
		assert.Contains(t, end.out, step)
	}
	end = command(t, server, append(args, "-json")...)
	last := lastObject(t, end.out)
	assert.Equal(t, "dry-run", last["reason"])
	assert.Len(t, last["changes"], 3)
	assert.Equal(t, false, last["changed"])
	assert.NotContains(t, end.out, "secret")
	for _, request := range server.Requests() {
		assert.Equal(t, "GET", request.Method)
	}
}

func TestWithoutCreateTheErrorSaysHowToCreateAMissingApp(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t)
	args := []string{"-image", "deis/example-go:v1", "-procfile", file(t, "web: example-go")}
	end := command(t, server, args...)
	assert.Equal(t, failed, end.status)
	assert.Contains(t, end.errOut, "(-create creates the app)\n")
	end = command(t, server, append(args, "-dry-run")...)
	assert.Equal(t, failed, end.status)
	assert.Contains(t, end.errOut, "(-create creates the app)\n")

	require.Equal(t, deployed, command(t, server, append(args, "-create")...).status)
	server.AddFault(deistest.Fault{Method: "POST", Path: "/apps/*/scale", Status: 404})
	end = command(t, server, append(args, "-scale", "web=1")...)
	assert.Equal(t, failed, end.status)
	assert.NotContains(t, end.errOut, "-create", "the app is there")
}

func TestJSONHasOneObjectPerLine(t *testing.T) {
	t.Parallel()
	end := runProgram(t, nil, "-embedded", "-json", "-app", "example-go", "-create", "-image", "deis/example-go:v1")
	require.Equal(t, deployed, end.status, end.errOut)
	assert.Greater(t, strings.Count(end.out, "\n"), 3, "events, and the result")
	last := lastObject(t, end.out)
	pods := last["pods"].([]any)
	require.Len(t, pods, 1)
	assert.Equal(t, "up", pods[0].(map[string]any)["state"])
	delete(last, "pods")
	assert.Equal(t, map[string]any{
		"ok": true, "reason": "deployed", "status": 0.0, "error": "", "app": "example-go", "changes": []any{}, "changed": true, "created": true,
		"config_changed": []any{}, "built": true, "scaled": last["scaled"], "domains_added": []any{}, "settings_changed": []any{},
		"rolled_back": false, "previous": last["previous"], "release": 2.0, "not_up": []any{}, "exception": "", "log": []any{}, "undone": "",
	}, last)
}

func TestTheReasonDistinguishesFailures(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t, deistest.WithApp("example-go", ""), deistest.WithUser("bob", "opensesame"))
	failing := func(f deistest.Fault) *deistest.Server {
		return deistest.Start(t, deistest.WithApp("example-go", ""), deistest.WithFault(f))
	}
	gateway := failing(deistest.Fault{Status: 503, Proxy: true})
	throttled := failing(deistest.Fault{Method: "POST", Path: "/apps/*/builds", Status: 400, Body: `{"detail": "no"}`})
	for name, test := range map[string]struct {
		env    []string
		args   []string
		status int
		reason string
	}{
		"wrong token":       {[]string{"DEIS_CONTROLLER=" + server.URL, "DEIS_TOKEN=wrong"}, nil, failed, "unauthorized"},
		"not allowed":       {[]string{"DEIS_CONTROLLER=" + server.URL, "DEIS_TOKEN=" + server.TokenOf("bob")}, nil, failed, "unauthorized"},
		"wrong password":    {[]string{"DEIS_CONTROLLER=" + server.URL, "DEIS_PASSWORD=wrong"}, []string{"-username", "bob"}, failed, "unauthorized"},
		"gateway":           {environment(gateway), nil, failed, "unreachable"},
		"nobody there":      {[]string{"DEIS_CONTROLLER=http://127.0.0.1:1", "DEIS_TOKEN=x"}, nil, failed, "unreachable"},
		"refused":           {environment(throttled), nil, failed, "refused"},
		"usage":             {environment(server), []string{"-scale", "web"}, wrongUsage, "usage"},
		"an unknown flag":   {environment(server), []string{"-nonsense"}, wrongUsage, "usage"},
		"no environment":    {nil, nil, wrongUsage, "usage"},
		"a stray argument":  {environment(server), []string{"now"}, wrongUsage, "usage"},
		"a refused plan":    {environment(server), []string{"-scale", "web=1", "-procfile", file(t, "worker: x")}, wrongUsage, "usage"},
		"a refused setting": {environment(server), []string{"-maintenance", "on"}, failed, "unsupported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end := runProgram(t, test.env, append([]string{"-json", "-app", "example-go", "-image", "deis/example-go:v1"}, test.args...)...)
			last := lastObject(t, end.out)
			assert.Equal(t, test.reason, last["reason"], last["error"])
			assert.Equal(t, test.status, end.status)
			assert.EqualValues(t, test.status, last["status"])
			assert.Equal(t, false, last["ok"])
			assert.NotEmpty(t, last["error"])
			assert.Contains(t, end.errOut, "deis-deploy: ")
		})
	}
}

func TestATimeoutIsReportedWithThePodsThatAreNotUp(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t, deistest.WithApp("example-go", ""), deistest.WithStartDelay(time.Hour))
	require.NoError(t, server.AddLog("example-go", "the last words"))
	end := command(t, server, "-image", "deis/example-go:v1", "-timeout", "1500ms", "-json")
	assert.Equal(t, failed, end.status)
	last := lastObject(t, end.out)
	assert.Equal(t, "timeout", last["reason"], last["error"])
	assert.Contains(t, last["error"], "1.5s")
	assert.Len(t, last["not_up"], 1)
	assert.Contains(t, strings.Join(strings.Fields(end.errOut), " "), "initializing")
	assert.Contains(t, end.errOut, "the last words")
}

func TestAPrivateAuthorityIsTrustedByItsFile(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t, deistest.WithTLS(), deistest.WithApp("example-go", ""))
	end := command(t, server, "-image", "deis/example-go:v1")
	assert.Equal(t, failed, end.status)
	assert.Contains(t, end.errOut, "(-ca-file trusts a private authority)\n")

	authority := file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	end = command(t, server, "-image", "deis/example-go:v1", "-ca-file", authority)
	assert.Equal(t, deployed, end.status, end.errOut)

	env := []string{"DEIS_PASSWORD=" + server.Password}
	end = runProgram(t, env, "-app", "example-go", "-controller", server.URL, "-username", server.Username, "-ca-file", authority)
	assert.Equal(t, deployed, end.status, end.errOut)
}

func TestTheControllerCanBeGivenInFourWays(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t, deistest.WithApp("example-go", ""))
	profile := filepath.Join(t.TempDir(), "ci.json")
	require.NoError(t, deis.Profile{Controller: server.URL, Token: server.Token}.Save(profile))
	for name, test := range map[string]struct{ env, args []string }{
		"environment":               {environment(server), nil},
		"flag and token":            {[]string{"DEIS_TOKEN=" + server.Token}, []string{"-controller", server.URL}},
		"flag, and the same":        {environment(server), []string{"-controller", server.URL + "/"}},
		"flag and password":         {[]string{"DEIS_PASSWORD=" + server.Password}, []string{"-controller", server.URL, "-username", "admin"}},
		"environment and password":  {append(environment(server), "DEIS_PASSWORD="+server.Password), []string{"-username", "admin"}},
		"profile":                   {nil, []string{"-profile", profile}},
		"profile over environment":  {[]string{"DEIS_CONTROLLER=http://127.0.0.1:1", "DEIS_TOKEN=x"}, []string{"-profile", profile}},
		"profile in an environment": {[]string{"DEIS_PROFILE=" + profile}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end := runProgram(t, test.env, append([]string{"-app", "example-go", "-set", "A=1", "-dry-run"}, test.args...)...)
			assert.Equal(t, deployed, end.status, end.errOut)
			assert.Contains(t, end.out, "dry run: 1 change needed, ")
		})
	}
}

func TestTheDumpGoesToStandardErrorWithoutTheToken(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t, deistest.WithApp("example-go", ""))
	end := command(t, server, "-set", "A=1", "-v", "-json")
	require.Equal(t, deployed, end.status)
	assert.Contains(t, end.errOut, "/v2/apps/example-go/config/")
	assert.NotContains(t, end.errOut, server.Token)
	lastObject(t, end.out)
}

func TestTheTimeoutLimitsALoginAndADryRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hangs string
		args  []string
	}{
		"login":   {"/auth/login", []string{"-username", "admin", "-image", "deis/example-go:v1"}},
		"dry run": {"/apps/*", []string{"-username", "admin", "-image", "deis/example-go:v1", "-dry-run"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := deistest.Start(t, deistest.WithFault(deistest.Fault{Path: test.hangs, Hang: true}))
			env := []string{"DEIS_CONTROLLER=" + server.URL, "DEIS_PASSWORD=" + server.Password}
			end := runProgram(t, env, append(test.args, "-app", "example-go", "-timeout", "200ms", "-json")...)
			assert.Equal(t, failed, end.status)
			last := lastObject(t, end.out)
			assert.Equal(t, "timeout", last["reason"])
			assert.Contains(t, last["error"], "longer than its timeout of 200ms")
		})
	}
}
