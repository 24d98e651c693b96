package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/rest"
)

// backTime is the longest time that deploy.Run takes to go back.
const backTime = 10 * time.Minute

// A report prints what happens: lines for people or, with -json, objects for machines. It is safe for concurrent use. It
// ignores write errors, so that a reader that goes away does not stop the deploy.
type report struct {
	*options
	out, errOut io.Writer

	interrupted atomic.Bool

	mu          sync.Mutex
	over        bool         // the end was reported, and nothing may follow it
	first, last deploy.Event // the first event that knows the release, and the last
	change      deploy.Event // the last event about a change
}

func newReport(o *options, out, errOut io.Writer) *report {
	return &report{options: o, out: out, errOut: errOut}
}

// begin prints what is about to happen, and the time limit.
func (r *report) begin(controller string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.json || r.dryRun {
		return
	}
	limit := fmt.Sprintf("at most %s", r.plan.Timeout)
	if r.plan.Rollback {
		limit += fmt.Sprintf(", and %s more to go back after a failure", backTime)
	}
	fmt.Fprintf(r.out, "deploying %s to %s: %s\n", r.plan.App, controller, limit)
}

// beginLogin prints that a login is about to begin, which can take a while.
func (r *report) beginLogin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.target.username != "" && !r.json && !r.dryRun {
		fmt.Fprintf(r.out, "logging in as %s\n", r.target.username)
	}
}

func (r *report) event(e deploy.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	if r.first.Release == 0 {
		r.first = e
	}
	if r.last = e; e.Step != deploy.StepWait {
		r.change = e
	}
	if !r.json {
		fmt.Fprintf(r.out, "%6.1fs  %-8s  %s\n", e.Elapsed.Seconds(), e.Step, e.Message)
		return
	}
	r.encode(struct {
		Step    deploy.Step `json:"step"`
		Message string      `json:"message"`
		Release int         `json:"release"`
		Up      int         `json:"up"`
		Want    int         `json:"want"`
		Seconds float64     `json:"seconds"`
	}{e.Step, e.Message, e.Release, e.Up, e.Want, e.Elapsed.Seconds()})
}

// encode prints one object in one line.
func (r *report) encode(object any) {
	encoder := json.NewEncoder(r.out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(object)
}

// interrupt prints what the first signal does.
func (r *report) interrupt(s os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	does := "ending; changes that were made stay, because -rollback is not given"
	switch {
	case r.dryRun:
		does = "ending"
	case r.plan.Rollback:
		does = fmt.Sprintf("going back to what ran before, which can take %s", backTime)
	}
	fmt.Fprintf(r.errOut, "deis-deploy: %s: %s; a second signal ends the program at once\n", s, does)
}

// abandon reports what a second signal leaves undone.
func (r *report) abandon(s os.Signal) {
	r.mu.Lock()
	undone := "nothing was sent to change the app"
	if r.change.Step != "" {
		undone = fmt.Sprintf("the last step was %q, and the Controller may still carry it out", string(r.change.Step)+": "+r.change.Message)
		if r.first.Release > 0 {
			undone += fmt.Sprintf("; app %s had release v%d before and v%d at the last check", r.plan.App, r.first.Release, r.last.Release)
		}
		undone += "; look at the app, and deploy again"
	}
	result := &deploy.Result{Previous: r.first.Release, Release: r.last.Release}
	r.mu.Unlock()
	r.end(outcome{result: result, err: &abandonedError{s, undone}})
}

// An abandonedError means that the program ended before the deploy did.
type abandonedError struct {
	signal os.Signal
	undone string
}

func (e *abandonedError) Error() string {
	return fmt.Sprintf("%s: ended at once by a second signal; left undone: %s", e.signal, e.undone)
}

// reasons are the values of "reason". The first that applies is used.
var reasons = []struct {
	name, meaning string
	applies       func(*report, outcome) bool
}{
	{"dry-run", "nothing was changed; \"changes\" lists what would be", func(r *report, o outcome) bool { return o.err == nil && r.dryRun }},
	{"unchanged", "the app was in that state already", func(_ *report, o outcome) bool { return o.err == nil && !o.result.Changed() }},
	{"deployed", "the app is in the wanted state, and its pods are up", func(_ *report, o outcome) bool { return o.err == nil }},
	{"usage", "a mistake in flags, files or environment", func(_ *report, o outcome) bool { return o.misused() }},
	{"abandoned", "a second signal ended it; \"undone\" says what is left undone", func(_ *report, o outcome) bool { return errors.As(o.err, new(*abandonedError)) }},
	{"interrupted", "a signal ended it", func(r *report, o outcome) bool { return r.interrupted.Load() && errors.Is(o.err, context.Canceled) }},
	{"superseded", "somebody else changed the app in the meantime", func(_ *report, o outcome) bool { return errors.Is(o.err, deploy.ErrSuperseded) }},
	{"timeout", "it took longer than -timeout", func(_ *report, o outcome) bool { return errors.Is(o.err, deploy.ErrTimeout) }},
	{"unauthorized", "the token or the password is wrong, or the user lacks permission", func(_ *report, o outcome) bool {
		return errors.Is(o.err, deis.ErrUnauthorized) || errors.Is(o.err, deis.ErrForbidden) || errors.Is(o.err, auth.ErrInvalidCredentials)
	}},
	{"unsupported", "the Controller's API version lacks something", func(_ *report, o outcome) bool { return errors.Is(o.err, errors.ErrUnsupported) }},
	{"refused", "the Controller refused something or failed; \"error\" says why", func(_ *report, o outcome) bool {
		failure := new(deis.Error)
		return errors.As(o.err, &failure) && failure.FromController()
	}},
	{"unreachable", "no response, or one that is not the Controller's", func(_ *report, o outcome) bool {
		return errors.As(o.err, new(*deis.Error))
	}},
	{"failed", "anything else: usually pods that do not come up", func(*report, outcome) bool { return true }},
}

func (r *report) reason(o outcome) string {
	for _, reason := range reasons {
		if reason.applies(r, o) {
			return reason.name
		}
	}
	return "failed" // never reached: the last reason always applies
}

// misused reports whether the caller made a mistake, and nothing was changed.
func (o outcome) misused() bool {
	changed := o.result != nil && o.result.Changed()
	return errors.As(o.err, new(usageError)) || errors.Is(o.err, deis.ErrInvalidArgument) && !changed
}

// status returns the exit status. After a failure, only -rollback can promise that the app is as it was.
func (r *report) status(o outcome) int {
	failure := new(deploy.Error)
	switch {
	case o.err == nil:
		return deployed
	case o.misused():
		return wrongUsage
	case errors.As(o.err, &failure) && r.plan.Rollback && o.result.Previous > 0 && failure.Undone == "":
		return rolledBack
	}
	return failed
}

// end reports the end, after which nothing more is reported, and returns the exit status.
func (r *report) end(o outcome) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if o.err != nil {
		r.printFailure(o)
	}
	switch {
	case r.json:
		r.encode(r.summary(o))
	case o.err != nil:
	case r.dryRun:
		for _, change := range o.changes {
			fmt.Fprintf(r.out, "%-8s  %s\n", change.Step, change.What)
		}
		fmt.Fprintf(r.out, "dry run: %s needed, nothing was changed\n", count(len(o.changes), "change"))
	case !o.result.Changed():
		fmt.Fprintf(r.out, "nothing to do: release v%d, %s up\n", o.result.Release, count(len(o.result.Pods), "pod"))
	default:
		fmt.Fprintf(r.out, "deployed: release v%d, %s up\n", o.result.Release, count(len(o.result.Pods), "pod"))
	}
	return r.status(o)
}

// count returns a number of things, "1 pod" or "2 pods".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// printFailure prints what failed, and what helps to find out why.
func (r *report) printFailure(o outcome) {
	if o.misused() {
		fmt.Fprintf(r.errOut, "deis-deploy: %s\n", oneLine(o.err))
		return
	}
	fmt.Fprintf(r.errOut, "deis-deploy: FAILED: %s%s\n", oneLine(o.err), r.hint(o))
	failure := new(deploy.Error)
	if !errors.As(o.err, &failure) {
		return
	}
	if o.result.Release > 0 {
		fmt.Fprintf(r.errOut, "  %s\n", r.state(o))
	}
	for _, pod := range failure.Pods {
		fmt.Fprintf(r.errOut, "  %s\n", rest.Sanitize(fmt.Sprintf("pod %s of release %s: %s", pod.Name, pod.Release, pod.State)))
	}
	if failure.Exception != "" {
		fmt.Fprintf(r.errOut, "  the release failed: %s\n", failure.Exception)
	}
	if len(failure.Log) > 0 {
		fmt.Fprintf(r.errOut, "  the last lines of the app's log:\n    %s\n", strings.Join(failure.Log, "\n    "))
	}
}

// state describes the app after a failure.
func (r *report) state(o outcome) string {
	back, before, now := r.status(o) == rolledBack, o.result.Previous, o.result.Release
	switch {
	case back && before == now:
		return fmt.Sprintf("the app still runs release v%d", now)
	case back:
		return fmt.Sprintf("the app runs release v%d, a copy of release v%d", now, before)
	case o.result.Created:
		return fmt.Sprintf("the app was created, and has release v%d", now)
	case before == now:
		return fmt.Sprintf("the app has release v%d, as before", now)
	}
	return fmt.Sprintf("the app has release v%d, and had release v%d before", now, before)
}

// hint names a flag that would help.
func (r *report) hint(o outcome) string {
	switch {
	case errors.Is(o.err, deis.ErrNotFound) && !r.plan.Create && (r.dryRun || o.result != nil && o.result.Previous == 0):
		return " (-create creates the app)"
	case errors.As(o.err, new(*tls.CertificateVerificationError)) && r.target.caFile == "":
		return " (-ca-file trusts a private authority)"
	}
	return ""
}

// A summary is the last object of -json. It always has all fields, and none is null.
type summary struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason"`
	Status int    `json:"status"` // the exit status
	Error  string `json:"error"`
	App    string `json:"app"`

	Changes         []deploy.Change `json:"changes"` // of a dry run
	Changed         bool            `json:"changed"`
	Created         bool            `json:"created"`
	ConfigChanged   []string        `json:"config_changed"`
	Built           bool            `json:"built"`
	Scaled          map[string]int  `json:"scaled"`
	DomainsAdded    []string        `json:"domains_added"`
	SettingsChanged []string        `json:"settings_changed"`
	RolledBack      bool            `json:"rolled_back"`
	Previous        int             `json:"previous"`
	Release         int             `json:"release"`
	Pods            []pod           `json:"pods"`

	NotUp     []pod    `json:"not_up"`
	Exception string   `json:"exception"`
	Log       []string `json:"log"`
	Undone    string   `json:"undone"`
}

type pod struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Release string `json:"release"`
	State   string `json:"state"`
}

func (r *report) summary(o outcome) summary {
	s := summary{OK: o.err == nil, Reason: r.reason(o), Status: r.status(o), App: r.plan.App, Changes: list(o.changes)}
	result, failure, abandoned := new(deploy.Result), new(deploy.Error), new(abandonedError)
	if o.result != nil {
		result = o.result
	}
	if o.err != nil {
		s.Error = oneLine(o.err) + r.hint(o)
		errors.As(o.err, &failure)
		errors.As(o.err, &abandoned)
	}
	s.Changed, s.Created, s.Built, s.RolledBack = result.Changed(), result.Created, result.Built, result.RolledBack
	s.Previous, s.Release, s.Pods = result.Previous, result.Release, list(summarize(result.Pods))
	s.ConfigChanged, s.DomainsAdded, s.SettingsChanged = list(result.ConfigChanged), list(result.DomainsAdded), list(result.SettingsChanged)
	if s.Scaled = result.Scaled; s.Scaled == nil {
		s.Scaled = map[string]int{}
	}
	s.NotUp, s.Exception, s.Log, s.Undone = list(summarize(failure.Pods)), failure.Exception, list(failure.Log), failure.Undone+abandoned.undone
	return s
}

func summarize(all []pods.Pod) []pod {
	var short []pod
	for _, p := range all {
		short = append(short, pod{rest.Sanitize(p.Name), rest.Sanitize(p.Type), rest.Sanitize(p.Release), rest.Sanitize(string(p.State))})
	}
	return short
}

// list returns a copy of all that is not nil, which JSON would write as null.
func list[T any](all []T) []T { return append([]T{}, all...) }

// oneLine returns an error's text in one line. Errors of several options are joined by line breaks.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// stderr returns the standard error for other writers, which may write at the same time as the report.
func (r *report) stderr() io.Writer { return &lockedWriter{&r.mu, r.errOut} }

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(text)
}
