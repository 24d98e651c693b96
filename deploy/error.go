package deploy

import (
	"cmp"
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

// An Error is the reason why a Run failed, and the state of the app at that time. It matches the reason, and the reasons of
// this package that apply.
type Error struct {
	App       string
	Step      Step       // the step that failed
	Pods      []pods.Pod // the release's pods that were not up before Run went back
	Exception string     // why the release failed, if the Controller keeps that (API 2.3)
	Log       []string   // the app's last log lines before Run went back, as many as Plan.LogLines
	Undone    string     // what is left undone, in one line; "" if nothing

	reason, back error
	unseen       error  // why the app could not be observed after the failure
	rolledBack   string // "rolled back to v3, domains stay: www.example.com"
	rollback     bool   // the plan asks for it
	timedOut     bool
}

// Error returns one line: what failed, and what became of going back.
func (e *Error) Error() string {
	line := fmt.Sprintf("deploying app %s: %v", e.App, e.reason)
	if e.timedOut && !strings.Contains(line, ErrTimeout.Error()) {
		line += ": " + ErrTimeout.Error()
	}
	switch {
	case e.rolledBack != "" && e.Undone != "":
		return line + "; " + e.rolledBack + ", but: " + e.Undone
	case e.Undone != "" && !e.rollback:
		return line + "; " + e.Undone
	case e.Undone != "":
		return line + "; not rolled back: " + e.Undone
	case e.rolledBack != "":
		return line + "; " + e.rolledBack
	}
	return line
}

// Unwrap returns the reason and, if going back failed as well, that error, unless it is that of a context: only the
// caller's counts.
func (e *Error) Unwrap() []error {
	if e.back == nil || errors.Is(e.back, context.DeadlineExceeded) || errors.Is(e.back, context.Canceled) {
		return []error{e.reason}
	}
	return []error{e.reason, e.back}
}

// Is matches ErrTimeout and ErrUndone.
func (e *Error) Is(target error) bool {
	return target == ErrTimeout && e.timedOut || target == ErrUndone && e.Undone != ""
}

// failure makes the error of the way forward, and observes what it includes before Run goes back.
func (r *run) failure(ctx context.Context, reason error) *Error {
	e := &Error{App: r.plan.App, Step: r.step, reason: reason, rollback: r.plan.Rollback}
	if r.now == nil {
		return e
	}
	ctx, cancel := context.WithTimeout(ctx, finalLookTime)
	defer cancel()
	e.unseen = r.look(ctx) // if it fails, the last observation counts
	e.Pods = r.now.down()
	for _, release := range r.now.releases {
		if release.Failed && !r.seen[release.UUID] {
			e.Exception = rest.Sanitize(release.Exception)
			break
		}
	}
	if r.plan.LogLines > 0 && e.unseen == nil {
		if log, err := r.client.Apps.Logs(ctx, r.plan.App, apps.LogOptions{Lines: r.plan.LogLines}); err == nil {
			for line := range strings.Lines(log) {
				e.Log = append(e.Log, rest.Sanitize(line))
			}
		}
	}
	return e
}

// look observes the app outside the loop, as soon as that is possible.
func (r *run) look(ctx context.Context) error {
	return rest.Poll(ctx, r.plan.Interval, func(ctx context.Context) (bool, error) {
		s, err := r.observe(ctx)
		switch {
		case errors.Is(err, errMoved):
			return false, nil
		case err != nil:
			return false, err
		}
		return true, r.take(s)
	})
}

// goBack takes back what this run has changed, and adds the outcome to the error.
func (r *run) goBack(ctx context.Context, e *Error) {
	switch {
	case len(r.sent) == 0 || r.before == nil && r.sent[0].outcome == refused:
		return
	case r.before == nil:
		e.Undone = "the app may have been created"
		return
	}
	if r.plan.Rollback || e.unseen == nil {
		e.back, e.unseen = r.runBack(ctx)
	}
	if r.superseded != nil && !errors.Is(e.reason, ErrSuperseded) {
		e.back = r.superseded
	}
	if r.rolledBack() {
		e.rolledBack = fmt.Sprintf("rolled back to v%d", r.before.current.Version)
		if added := r.domainsAdded(); len(added) > 0 {
			e.rolledBack += ", domains stay: " + strings.Join(added, " ")
		}
	}
	switch {
	case errors.Is(e.reason, ErrSuperseded):
		e.Undone = "the changes of this run stay"
	case e.unseen != nil && !errors.Is(e.unseen, ErrSuperseded):
		e.Undone = "the app could not be observed at the end: " + cmp.Or(e.back, e.unseen).Error()
	case e.back != nil:
		e.Undone = e.back.Error()
	case r.hasAbandoned():
		e.Undone = "what was sent without a response may still be carried out"
	case r.plan.Rollback && r.before.current.Build == "":
		e.Undone = "the changes of this run stay, because the app ran nothing before"
	}
}

// runBack runs the loop back, and observes the app at the end.
func (r *run) runBack(ctx context.Context) (err, unseen error) {
	limit := backTime
	if a := r.pending(); a != nil && !r.plan.Rollback {
		limit, a.until = finalLookTime, time.Now()
	}
	back, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := r.reach(back, r.back); err != nil {
		look, stop := context.WithTimeout(ctx, finalLookTime)
		defer stop()
		return err, r.look(look)
	}
	return nil, nil
}

// outcome returns how the app differs from before.
func (r *run) outcome() *Result {
	result, before, now := &Result{RolledBack: r.rolledBack()}, r.before, r.now
	result.Created = slices.ContainsFunc(r.sent, func(a *action) bool {
		return a.request == StepCreate && a.outcome != refused && (a.err == nil || before != nil)
	})
	if before == nil || now.app == nil {
		return result
	}
	result.Previous, result.Release = before.current.Version, now.current.Version
	result.Built = now.current.Build != before.current.Build && slices.ContainsFunc(r.sent, func(a *action) bool {
		return a.request == StepBuild && a.release != nil && a.release.Build == now.current.Build
	})
	want := partsOf(r.plan.Config)
	result.ConfigChanged = before.config.differing(now.config.former(want)).names()
	for procType := range merged(before.app.Structure, now.app.Structure) {
		if n := now.app.Structure[procType]; n != before.app.Structure[procType] {
			if result.Scaled == nil {
				result.Scaled = make(map[string]int)
			}
			result.Scaled[procType] = n
		}
	}
	result.DomainsAdded = r.domainsAdded()
	if before.settings != nil && now.settings != nil && r.plan.hasSettings() {
		result.SettingsChanged = partsOf(now.settings).differing(r.formerSettings()).names()
	}
	result.Pods = now.currentPods()
	return result
}

// domainsAdded returns the plan's domains that the app did not have before.
func (r *run) domainsAdded() (added []string) {
	for _, name := range r.plan.Domains {
		if slices.Contains(r.now.domains, hostName(name)) && !slices.Contains(r.before.domains, hostName(name)) {
			added = append(added, name)
		}
	}
	return added
}

// rolledBack reports whether going back deployed the release that ran before.
func (r *run) rolledBack() bool {
	return slices.ContainsFunc(r.sent, func(a *action) bool { return a.Step == StepRollback && a.request == StepRollback && a.release != nil })
}
