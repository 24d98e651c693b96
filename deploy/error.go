package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/rest"
)

// An Error is why a Run failed, and how it was then. It matches the reason, and those in this package that apply.
type Error struct {
	App       string
	Step      Step       // what failed
	Pods      []pods.Pod // those of the release that were not up, with their states, before Run went back
	Exception string     // why the Controller failed the release, if it keeps that (API 2.3)
	Log       []string   // the app's last log lines, as many as Plan.LogLines, before Run went back
	Undone    string     // what is left undone, in one line; "" if nothing

	reason, back error
	rolledBack   string // "rolled back to v3"
	timedOut     bool
}

// Error says in one line what failed, and what became of going back.
func (e *Error) Error() string {
	line := fmt.Sprintf("deploying app %s: %v", e.App, e.reason)
	if e.timedOut && !strings.Contains(line, ErrTimeout.Error()) {
		line += ": " + ErrTimeout.Error()
	}
	switch {
	case e.rolledBack != "" && e.Undone != "":
		return line + "; " + e.rolledBack + ", but: " + e.Undone
	case e.Undone != "":
		return line + "; not rolled back: " + e.Undone
	case e.rolledBack != "":
		return line + "; " + e.rolledBack
	}
	return line
}

// Unwrap returns the reason and, if going back failed as well, that error.
func (e *Error) Unwrap() []error {
	if e.back == nil {
		return []error{e.reason}
	}
	return []error{e.reason, e.back}
}

// Is matches ErrTimeout and ErrUndone.
func (e *Error) Is(target error) bool {
	return target == ErrTimeout && e.timedOut || target == ErrUndone && e.Undone != ""
}

// failure makes the error of the way forward, with what there is to know before going back.
func (r *run) failure(ctx context.Context, reason error) *Error {
	e := &Error{App: r.plan.App, Step: StepWait, reason: reason}
	if n := len(r.sent); n > 0 && r.sent[n-1].err != nil {
		e.Step = r.sent[n-1].Step
	}
	if r.now == nil {
		return e
	}
	ctx, cancel := context.WithTimeout(ctx, lastLookTime)
	defer cancel()
	_ = r.look(ctx) //nolint:errcheck // then the last observation is what is known
	e.Pods = r.now.down()
	for _, release := range r.now.releases {
		if _, old := r.ours[release.UUID]; release.Failed && !old {
			e.Exception = rest.Sanitize(release.Exception)
			break
		}
	}
	if r.plan.LogLines > 0 {
		if log, err := r.client.Apps.Logs(ctx, r.plan.App, apps.LogOptions{Lines: r.plan.LogLines}); err == nil {
			for line := range strings.Lines(log) {
				e.Log = append(e.Log, rest.Sanitize(line))
			}
		}
	}
	return e
}

// look observes the app outside of the loop.
func (r *run) look(ctx context.Context) error {
	s, err := r.observe(ctx)
	if err != nil {
		return err
	}
	r.now = s
	return r.claim(s)
}

// goBack takes back what this run has changed, and notes in the error what became of that.
func (r *run) goBack(ctx context.Context, e *Error) {
	if len(r.sent) == 0 {
		return
	}
	if r.base == nil {
		e.Undone = "the app may have been created"
		return
	}
	bound := backTime
	if a := r.pending(); a != nil && !r.plan.Rollback {
		bound, a.until = lastLookTime, time.Now()
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	e.back = r.reach(ctx, r.back)
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), lastLookTime)
	defer stop()
	err := r.look(last)
	if r.superseded != nil && !errors.Is(e.reason, ErrSuperseded) {
		e.back = r.superseded
	}
	if r.rolledBack() {
		e.rolledBack = fmt.Sprintf("rolled back to v%d", r.base.current.Version)
	}
	switch {
	case errors.Is(e.reason, ErrSuperseded):
		e.Undone = "what this run changed"
	case e.back != nil:
		e.Undone = e.back.Error()
	case err != nil:
		e.Undone = "the app could not be looked at: " + err.Error()
	case r.isOverdue():
		e.Undone = "what was sent without a response may still be carried out"
	case r.plan.Rollback && r.base.current.Build == "":
		e.Undone = "the app ran nothing before"
	}
}

// outcome says what is different from before.
func (r *run) outcome() *Result {
	result, before, now := &Result{RolledBack: r.rolledBack()}, r.base, r.now
	result.Created = slices.ContainsFunc(r.sent, func(a *action) bool {
		return a.kind == StepCreate && (a.err == nil || !a.refused && before != nil)
	})
	if before == nil || now.app == nil {
		return result
	}
	result.Previous, result.Release = before.current.Version, now.current.Version
	result.Built = now.current.Build != before.current.Build && slices.ContainsFunc(r.sent, func(a *action) bool {
		return a.kind == StepBuild && a.release != nil && a.release.Build == now.current.Build
	})
	want := partsOf(r.plan.Config)
	result.ConfigChanged = before.config.differing(now.config.former(want)).names()
	for procType := range joined(before.app.Structure, now.app.Structure) {
		if n := now.app.Structure[procType]; n != before.app.Structure[procType] {
			if result.Scaled == nil {
				result.Scaled = make(map[string]int)
			}
			result.Scaled[procType] = n
		}
	}
	for _, name := range r.plan.Domains {
		if slices.Contains(now.domains, hostName(name)) && !slices.Contains(before.domains, hostName(name)) {
			result.DomainsAdded = append(result.DomainsAdded, name)
		}
	}
	if before.settings != nil && now.settings != nil && r.plan.hasSettings() {
		result.SettingsChanged = partsOf(now.settings).differing(r.formerSettings()).names()
	}
	result.Pods = now.pods
	return result
}

// rolledBack reports whether going back has deployed the release that ran before.
func (r *run) rolledBack() bool {
	return slices.ContainsFunc(r.sent, func(a *action) bool { return a.Step == StepRollback && a.kind == StepRollback && a.release != nil })
}
