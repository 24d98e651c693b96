package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/version"
)

// A logBuffer collects what a program writes, and can be read at the same time.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startProgram runs the whole program on a free port. stop ends it, as a signal does.
func startProgram(t *testing.T, o options) (url, said string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	o.addr = "127.0.0.1:0"
	go func() {
		err := run(ctx, writer, t.Output(), o)
		writer.CloseWithError(err)
		ended <- err
	}()
	said, err := bufio.NewReader(reader).ReadString('\n')
	require.NoError(t, err)
	url = regexp.MustCompile(`http://[0-9.:]+`).FindString(said)
	require.NotEmpty(t, url, said)
	return url, said, func() error {
		cancel()
		return <-ended
	}
}

func TestItRunsOutOfTheBox(t *testing.T) {
	for _, api := range []string{"1.6", "2.2", "2.3"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			url, said, stop := startProgram(t, options{api: api})
			assert.Contains(t, said, "a Controller in memory")
			assert.Contains(t, said, "read-only")
			var page string
			require.Eventually(t, func() bool {
				_, page = get(t, url+"/")
				return strings.Contains(page, "The oldest state here was read") && strings.Contains(page, "crashed")
			}, 20*time.Second, 50*time.Millisecond)
			for _, team := range company {
				shows(t, page, `<a href="/apps/`+team.app+`">`)
				_, page := get(t, url+"/apps/"+team.app)
				lacks(t, page, "could not be read")
			}
			shows(t, page, "API "+api, `<span class="state idle">not deployed</span>`, `<span class="state bad">crashed</span>`)
			assert.NoError(t, stop())
		})
	}
}

func TestItShowsTheControllerOfTheEnvironment(t *testing.T) {
	server := deistest.NewServer()
	t.Cleanup(server.Close)
	t.Setenv("DEIS_CONTROLLER", server.URL)
	t.Setenv("DEIS_TOKEN", server.Token)
	url, said, stop := startProgram(t, options{fromEnv: true, allowWrites: true})
	assert.Contains(t, said, "Dashboard for "+strings.TrimPrefix(server.URL, "http://"))
	assert.Contains(t, said, "changes allowed")
	require.Eventually(t, func() bool {
		_, page := get(t, url+"/")
		return strings.Contains(page, "No apps yet")
	}, 20*time.Second, 50*time.Millisecond)
	assert.NoError(t, stop())
}

func TestMistakesGiveOneClearLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { taken.Close() })
	t.Setenv("DEIS_CONTROLLER", "https://deis.example.com")
	t.Setenv("DEIS_TOKEN", "")
	for name, test := range map[string]struct {
		o    options
		want string
	}{
		"an address that others reach": {options{addr: "0.0.0.0:0", api: "2.2"}, "others can reach 0.0.0.0:0, and there is no login"},
		"an address in use":            {options{addr: taken.Addr().String(), api: "2.2"}, "address already in use"},
		"an invalid address":           {options{addr: "nonsense", api: "2.2"}, "nonsense"},
		"an invalid version":           {options{addr: "127.0.0.1:0", api: "two"}, `"two" is not an API version`},
		"an unsupported version":       {options{addr: "127.0.0.1:0", api: "3.0"}, "the Controller speaks API 3.0"},
		"an environment without token": {options{addr: "127.0.0.1:0", fromEnv: true}, "DEIS_TOKEN"},
		"a user without password":      {options{addr: "127.0.0.1:0", username: "admin"}, "set DEIS_PASSWORD"},
		"a Controller without token":   {options{addr: "127.0.0.1:0", controllerURL: "https://deis.example.com"}, "set DEIS_TOKEN, or give -username"},
		"a profile that is not there":  {options{addr: "127.0.0.1:0", profile: "nothing"}, "no profile"},
		"a CA file that is not there":  {options{addr: "127.0.0.1:0", fromEnv: true, ca: "nothing.pem"}, "-ca-file: open nothing.pem"},
		"a CA file without one":        {options{addr: "127.0.0.1:0", fromEnv: true, ca: "go.mod"}, "-ca-file: go.mod contains no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			var out logBuffer
			err := run(t.Context(), &out, &out, test.o)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.Empty(t, out.String())
		})
	}
}

func TestFlagsAreChecked(t *testing.T) {
	for want, args := range map[string][]string{
		`unexpected argument "now"`:            {"-allow-writes", "now"},
		"-requests must not be negative":       {"-requests", "-1"},
		"-profile already names":               {"-profile", "work", "-username", "alice"},
		"-ca-file needs a Controller":          {"-ca-file", "ca.pem"},
		"flag provided but not defined: -nope": {"-nope"},
	} {
		_, err := parse(args, io.Discard)
		assert.ErrorContains(t, err, want)
	}
	o, err := parse([]string{"-username", "alice", "-controller", "deis.example.com"}, io.Discard)
	require.NoError(t, err)
	assert.False(t, o.inMemory())
	o, err = parse(nil, io.Discard)
	require.NoError(t, err)
	assert.True(t, o.inMemory())
}

// A private authority, and a user who logs in or has a profile.
func TestItShowsAControllerBehindAPrivateAuthority(t *testing.T) {
	server := deistest.Start(t, deistest.WithTLS(), deistest.WithApp("shop", ""))
	dir := t.TempDir()
	ca, profile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "work.json")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(ca, block, 0o600))
	require.NoError(t, os.WriteFile(profile, fmt.Appendf(nil, `{"username": "admin", "controller": %q, "token": %q}`, server.URL, server.Token), 0o600))
	t.Setenv("DEIS_CONTROLLER", "")
	t.Setenv("DEIS_PASSWORD", server.Password)
	for name, o := range map[string]options{
		"a user":    {controllerURL: server.URL, username: server.Username, ca: ca},
		"a profile": {profile: profile, ca: ca},
	} {
		t.Run(name, func(t *testing.T) {
			url, said, stop := startProgram(t, o)
			assert.NotContains(t, said, server.Password)
			assert.Contains(t, said, strings.TrimPrefix(server.URL, "https://"))
			_, page := get(t, url+"/apps/shop")
			shows(t, page, "Owned by admin")
			assert.NoError(t, stop())
		})
	}
	var out logBuffer
	t.Setenv("DEIS_PASSWORD", "wrong")
	err := run(t.Context(), &out, &out, options{addr: "127.0.0.1:0", controllerURL: server.URL, username: server.Username, ca: ca})
	assert.ErrorContains(t, err, "400")
	assert.NotContains(t, err.Error(), "wrong\"")
}

func TestOthersMayReachItIfHostsAreGiven(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, writer, t.Output(), options{addr: "0.0.0.0:0", api: "2.2", allowHosts: "dash.example.com, 10.0.0.5"})
	}()
	said, err := bufio.NewReader(reader).ReadString('\n')
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(regexp.MustCompile(`http://(\S+)`).FindStringSubmatch(said)[1])
	require.NoError(t, err)
	for host, status := range map[string]int{"dash.example.com": 200, "10.0.0.5:8080": 200, "evil.example.com": http.StatusMisdirectedRequest} {
		request, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+port+"/", nil)
		require.NoError(t, err)
		request.Host = host
		got, _ := send(t, request)
		assert.Equal(t, status, got.StatusCode, host)
	}
	cancel()
	assert.NoError(t, <-ended)
}

func TestItEndsWhileLogsAreFollowed(t *testing.T) {
	t.Parallel()
	url, _, stop := startProgram(t, options{api: "2.2"})
	response, err := http.Get(url + "/apps/shop/logs")
	require.NoError(t, err)
	defer response.Body.Close()
	event, _ := nextEvent(t, bufio.NewReader(response.Body))
	assert.Equal(t, "line", event)
	begun := time.Now()
	assert.NoError(t, stop())
	assert.Less(t, time.Since(begun), shutdownTimeout/2)
}

// The demo keeps working, and each app keeps the number of pods that it should have.
func TestTheDemoKeepsWorking(t *testing.T) {
	for _, api := range []version.API{version.V1_6, version.V2_2, version.V2_3} {
		t.Run(api.String(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			demo, err := newDemo(ctx, api)
			require.NoError(t, err)
			changes := func() (n int) {
				for _, r := range demo.controller.Requests() {
					if r.Method == http.MethodPost {
						n++
					}
				}
				return n
			}
			before := changes()
			ended := make(chan struct{})
			go func() {
				demo.live(ctx, 20*time.Microsecond)
				close(ended)
			}()
			require.Eventually(t, func() bool { return changes() > before+30 }, 20*time.Second, time.Millisecond)
			cancel()
			<-ended
			for _, team := range company {
				running, err := deis.Collect(demo.admin.Pods.All(t.Context(), team.app, pods.ListOptions{}))
				require.NoError(t, err)
				app, err := demo.admin.Apps.Get(t.Context(), team.app)
				require.NoError(t, err)
				want := 0
				for _, n := range app.Structure {
					want += n
				}
				if api == version.V2_3 && team.app == "gateway" { // it is autoscaled
					want = 5
				}
				assert.Len(t, running, want, team.app)
			}
		})
	}
}
