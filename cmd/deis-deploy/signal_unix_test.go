//go:build unix

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
)

// A stream is what a process writes, line by line.
type stream struct {
	*bufio.Scanner
	pipe io.Closer
	all  strings.Builder
}

func follow(t *testing.T, pipe io.ReadCloser, err error) *stream {
	t.Helper()
	require.NoError(t, err)
	return &stream{Scanner: bufio.NewScanner(pipe), pipe: pipe}
}

// until reads up to a line that contains the text, or to the end.
func (s *stream) until(text string) bool {
	for s.Scan() {
		s.all.WriteString(s.Text() + "\n")
		if text != "" && strings.Contains(s.Text(), text) {
			return true
		}
	}
	return false
}

// rest reads to the end, and returns everything that was written.
func (s *stream) rest() string {
	s.until("")
	return s.all.String()
}

// slowServer starts a Controller that runs v1 of an app, and takes a while to deploy anything.
func slowServer(t *testing.T, opts ...deistest.Option) *deistest.Server {
	t.Helper()
	server := deistest.Start(t, append(opts, deistest.WithDeployDelay(time.Second/2))...)
	end := command(t, server, "-create", "-image", "deis/example-go:v1", "-procfile", file(t, "web: example-go"), "-scale", "web=1")
	require.Equal(t, deployed, end.status, end.errOut)
	return server
}

// update starts to deploy v2 of the app, and returns when the build is under way.
func update(t *testing.T, server *deistest.Server, args ...string) (p *exec.Cmd, out, errOut *stream) {
	t.Helper()
	args = append([]string{"-app", "example-go", "-image", "deis/example-go:v2"}, args...)
	p = program(t, environment(server), args...)
	pipe, err := p.StdoutPipe()
	out = follow(t, pipe, err)
	pipe, err = p.StderrPipe()
	errOut = follow(t, pipe, err)
	require.NoError(t, p.Start())
	require.True(t, out.until("deis/example-go:v2"), "the build begins")
	require.Eventually(t, func() bool {
		requests := server.Requests()
		return strings.Contains(requests[len(requests)-1].Body, "deis/example-go:v2")
	}, 10*time.Second, time.Millisecond)
	return p, out, errOut
}

func assertBack(t *testing.T, server *deistest.Server) {
	t.Helper()
	image, up := running(t, server)
	assert.Equal(t, "deis/example-go:v1", image)
	assert.Equal(t, map[string]int{"web": 1}, up)
}

func TestTheFirstSignalBeginsGoingBack(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			server := slowServer(t)
			p, out, errOut := update(t, server, "-rollback", "-json")
			require.NoError(t, p.Process.Signal(s))
			last := lastObject(t, out.rest())
			said := errOut.rest()
			assert.Equal(t, rolledBack, exitStatus(t, p.Wait()), said)
			assert.Equal(t, "interrupted", last["reason"])
			assert.Equal(t, true, last["rolled_back"])
			assert.Contains(t, said, "deis-deploy: "+s.String()+": going back to what ran before, which can take 10m0s; a second signal ends the program at once\n")
			assertBack(t, server)
		})
	}
}

func TestASignalThatIsSentTwiceAtOnceCountsOnce(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			server := slowServer(t)
			p, out, errOut := update(t, server, "-rollback")
			require.NoError(t, p.Process.Signal(s))
			require.True(t, errOut.until("going back"))
			require.NoError(t, p.Process.Signal(s))
			out.rest()
			errOut.rest()
			assert.Equal(t, rolledBack, exitStatus(t, p.Wait()))
			assertBack(t, server)
		})
	}
}

func TestTwoSignalsEndADeployWhoseOutputNobodyReads(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t, deistest.WithApp("example-go", ""))
	unread, full, err := os.Pipe()
	require.NoError(t, err)
	defer unread.Close()
	require.NoError(t, full.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	_, err = full.Write(make([]byte, 1<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	p := program(t, environment(server), "-app", "example-go", "-image", "deis/example-go:v1", "-rollback", "-v")
	p.Stderr = full
	require.NoError(t, p.Start())
	require.NoError(t, full.Close())
	require.Eventually(t, func() bool { return len(server.Requests()) > 0 }, 10*time.Second, time.Millisecond)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, failed, exitStatus(t, p.Wait()))
}

func TestWithoutRollbackASignalEndsTheDeploy(t *testing.T) {
	t.Parallel()
	server := slowServer(t)
	p, out, errOut := update(t, server)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	out.rest()
	said := errOut.rest()
	assert.Equal(t, failed, exitStatus(t, p.Wait()), said)
	assert.Contains(t, said, "interrupt: ending; changes that were made stay, because -rollback is not given")
}

func TestASecondSignalEndsTheToolAndItSaysWhatIsUndone(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"for people": nil, "for machines": {"-json"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := slowServer(t)
			server.AddFault(deistest.Fault{Method: "POST", Path: "/apps/*/releases/rollback", Hang: true})
			p, out, errOut := update(t, server, append(args, "-rollback")...)
			require.NoError(t, p.Process.Signal(os.Interrupt))
			require.True(t, out.until("rolling back"), "it goes back")
			began := time.Now()
			require.NoError(t, p.Process.Signal(syscall.SIGTERM))
			said, printed := errOut.rest(), out.rest()
			assert.Equal(t, failed, exitStatus(t, p.Wait()))
			assert.Less(t, time.Since(began), 10*time.Second)
			assert.Contains(t, said, "terminated: ended at once by a second signal; left undone: ")
			assert.Contains(t, said, "app example-go had release v")
			if args != nil {
				last := lastObject(t, printed)
				assert.Equal(t, "abandoned", last["reason"])
				assert.Contains(t, last["undone"], "rolling back")
			}
		})
	}
}

func TestAClosedOutputDoesNotStopARollback(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args   []string
		signal os.Signal
	}{
		"| head":                    {[]string{"-timeout", "250ms"}, nil},
		"| tee, killed by Ctrl-C":   {nil, os.Interrupt},
		"| jq, killed by Ctrl-C":    {[]string{"-json"}, os.Interrupt},
		"the terminal was closed":   {nil, syscall.SIGHUP},
		"| head, with all requests": {[]string{"-timeout", "250ms", "-v"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := slowServer(t)
			p, out, errOut := update(t, server, append(test.args, "-rollback")...)
			require.NoError(t, out.pipe.Close())
			require.NoError(t, errOut.pipe.Close())
			if test.signal != nil {
				require.NoError(t, p.Process.Signal(test.signal))
			}
			assert.Equal(t, rolledBack, exitStatus(t, p.Wait()))
			assertBack(t, server)
		})
	}
}

func TestADeployWhoseOutputIsClosedGoesOn(t *testing.T) {
	t.Parallel()
	server := slowServer(t)
	p, out, _ := update(t, server)
	require.NoError(t, out.pipe.Close())
	assert.Equal(t, deployed, exitStatus(t, p.Wait()))
	image, _ := running(t, server)
	assert.Equal(t, "deis/example-go:v2", image)
}

func TestNohupKeepsTheDeployGoing(t *testing.T) {
	t.Parallel()
	server := slowServer(t)
	tool := program(t, environment(server), "-app", "example-go", "-image", "deis/example-go:v2")
	shell := exec.Command("/bin/sh", append([]string{"-c", `trap "" HUP; exec "$0" "$@"`, tool.Path}, tool.Args[1:]...)...)
	shell.Env = tool.Env
	pipe, err := shell.StdoutPipe()
	out := follow(t, pipe, err)
	require.NoError(t, shell.Start())
	require.True(t, out.until("deis/example-go:v2"))
	require.NoError(t, shell.Process.Signal(syscall.SIGHUP))
	assert.Contains(t, out.rest(), "deployed: release v")
	assert.Equal(t, deployed, exitStatus(t, shell.Wait()))
}

func TestASignalDuringALoginEndsIt(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t, deistest.WithFault(deistest.Fault{Method: "POST", Path: "/auth/login", Hang: true}))
	p := program(t, []string{"DEIS_PASSWORD=" + server.Password}, "-app", "example-go", "-controller", server.URL, "-username", "admin", "-json")
	var out strings.Builder
	p.Stdout = &out
	require.NoError(t, p.Start())
	require.Eventually(t, func() bool { return len(server.Requests()) > 1 }, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	assert.Equal(t, failed, exitStatus(t, p.Wait()))
	assert.Equal(t, "interrupted", lastObject(t, out.String())["reason"])
}
