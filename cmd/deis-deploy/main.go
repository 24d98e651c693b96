// Command deis-deploy is a deploy step for CI: it brings an app to the state that its flags describe, waits until the app
// runs, and goes back to what ran before if it does not.
//
//	deis-deploy -app example-go -image deis/example-go:v2 -procfile Procfile -env-file prod.env \
//	    -scale web=3,worker=1 -create -rollback -timeout 10m
//
// deis-deploy -h lists the flags, the environment and the exit statuses. Run twice, it changes nothing the second time.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/version"
)

// The exit statuses.
const (
	deployed = iota
	failed
	wrongUsage
	rolledBack
)

func main() {
	// Without this, the first write to a closed standard output would kill the program, and stop a rollback.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup makes programs ignore a hangup
			signal.Notify(signals, s)
		}
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, signals))
}

// run is the program. The first signal ends the deploy, which may then go back; the second one ends the program.
func run(args []string, out, errOut io.Writer, signals <-chan os.Signal) int {
	o, err := parse(args)
	report := newReport(o, out, errOut)
	switch {
	case err != nil:
		return report.end(outcome{err: err})
	case o.help:
		printHelp(out)
		return deployed
	case o.version:
		fmt.Fprintf(out, "deis-deploy %s (%s, %s/%s)\n", toolVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return deployed
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan outcome, 1)
	go func() { done <- carryOut(ctx, o, report) }()
	var first os.Signal
	var since time.Time
	for {
		select {
		case end := <-done:
			return report.end(end)
		case s := <-signals:
			switch {
			case first == nil:
				first, since = s, time.Now()
				report.interrupted.Store(true)
				cancel()
				within(patience, func() { report.interrupt(s) })
			case s == first && time.Since(since) < sameSignal:
			default:
				within(patience, func() { report.abandon(s) })
				return failed
			}
		}
	}
}

// sameSignal is how long the same signal is ignored after the first: when a terminal is closed, both the kernel and the
// shell send a hangup, and some wrappers forward an interrupt that the terminal has sent already.
const sameSignal = 300 * time.Millisecond

// patience is how long a message about a signal may take: whoever should read it may have stopped reading.
const patience = time.Second

// within runs f, and returns when f does or the time has passed.
func within(limit time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

func toolVersion() string { return version.SDK }

// An outcome is what became of the plan.
type outcome struct {
	result  *deploy.Result  // nil if Run was not called
	changes []deploy.Change // of a dry run
	err     error
}

// carryOut connects, and deploys or finds out what a deploy would change.
func carryOut(ctx context.Context, o *options, report *report) outcome {
	var dump io.Writer
	if o.verbose {
		dump = report.stderr()
	}
	limited, cancel := context.WithTimeout(ctx, o.plan.Timeout) // deploy.Run has its own limit
	defer cancel()
	inTime := func(err error) error {
		if err != nil && limited.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w of %v: %w", deploy.ErrTimeout, o.plan.Timeout, err)
		}
		return err
	}
	report.beginLogin()
	client, done, err := o.target.connect(limited, dump)
	if err != nil {
		return outcome{err: inTime(err)}
	}
	defer done()
	report.begin(client.URL())
	if o.dryRun {
		changes, err := deploy.Diff(limited, client, o.plan)
		return outcome{changes: changes, err: inTime(err)}
	}
	o.plan.Progress = report.event
	result, err := deploy.Run(ctx, client, o.plan)
	return outcome{result: result, err: err}
}
