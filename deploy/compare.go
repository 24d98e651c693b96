package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/pods"
)

// last is the last action of a kind that was sent in this direction, if any.
func (r *run) last(kind Step) *action { return lastOf(r.sent[r.turned:], kind) }

func lastOf(sent []*action, kind Step) *action {
	for _, a := range slices.Backward(sent) {
		if a.kind == kind {
			return a
		}
	}
	return nil
}

// forward compares the app with the plan, and returns what is to be done, in order.
func (r *run) forward(s *snapshot) (list []*action, err error) {
	add := func(actions ...*action) {
		list = append(list, slices.DeleteFunc(actions, func(a *action) bool { return a == nil })...)
	}
	if s.app == nil {
		add(r.create())
		s = &snapshot{app: new(apps.App), api: s.api}
	}
	if err := r.plan.checkTypes(r.procfile(s)); err != nil && len(r.sent) == 0 {
		return nil, err
	}
	for _, a := range slices.Backward(r.sent[r.turned:]) {
		if a.release != nil && a.release.UUID != s.current.UUID {
			return nil, a.failure(s) // the release that was made last does not run any more
		} else if a.release != nil {
			break
		}
	}
	if add(r.heal(s)); s.build.UUID != "" && len(s.pods) == 0 { // the build may be one that cannot run, with no config at all
		add(r.build(s), r.configure(s))
	} else {
		add(r.configure(s), r.build(s))
	}
	if r.last(StepScale) == nil {
		add(r.scale(r.numbers(s)))
	}
	for _, name := range r.plan.Domains {
		if a := r.addDomain(name); !a.met(s) && !slices.ContainsFunc(r.sent, func(b *action) bool { return b.What == a.What }) {
			add(a)
		}
	}
	if r.plan.hasSettings() && r.last(StepSettings) == nil {
		add(r.setSettings(partsOf(s.settings).differing(partsOf(r.plan.settings()))))
	}
	return list, nil
}

// procfile is the one that the app has after the deploy.
func (r *run) procfile(s *snapshot) map[string]string {
	if len(r.plan.Procfile) == 0 {
		return s.build.Procfile
	}
	return r.plan.Procfile
}

// heal mends what an earlier deploy has left behind.
func (r *run) heal(s *snapshot) *action {
	failed := s.current.UUID != s.newest.UUID
	switch {
	case r.isFirstBuild(s) && s.app.UUID != "" && !slices.Contains(s.domains, s.app.ID) && r.last(StepHeal) == nil:
		return r.complete(s)
	case s.current.Build == "" || r.last(StepRollback) != nil || r.isOverdue() || !failed && !r.lacksPods(s):
		return nil
	}
	a := r.rollBack(s.current)
	a.Step, a.ripe = StepHeal, settleTime
	if a.What += ", whose pods are missing"; failed {
		a.What = fmt.Sprintf("roll back to v%d, because v%d failed", s.current.Version, s.newest.Version)
	}
	return a
}

// lacksPods reports whether pods are missing that only another deploy brings. A v1.6 Controller starts them by scaling.
func (r *run) lacksPods(s *snapshot) bool { return s.api.Major >= 2 && r.isShort(s) }

// configure changes the part of the config that differs. A v1.6 Controller merges a change into the config that was made
// last, also if its deploy failed or a rollback has put it out of use. So it gets all of the plan's config, and what else
// that brought back is set back.
func (r *run) configure(s *snapshot) *action {
	want := partsOf(r.plan.Config)
	changes, before := s.config.differing(want), r.last(StepConfig)
	switch {
	case before != nil && (s.api.Major >= 2 || before.repairs):
		return nil
	case before != nil:
		changes = s.config.restoring(r.base.config, want)
		want = changes
	case s.api.Major >= 2:
		want = changes
	}
	if len(changes) == 0 {
		return nil
	}
	a := r.setConfig(changes.names(), want, s.config)
	a.repairs = before != nil
	return a
}

// build deploys the image, unless it is what runs.
func (r *run) build(s *snapshot) *action {
	params := r.plan.build()
	if params.Image == "" || r.last(StepBuild) != nil {
		return nil
	}
	if params.Procfile = r.procfile(s); isBuildOf(s.build, params) && !r.plan.Force {
		r.tell(s, StepBuild, params.Image+" runs already; Force deploys it again")
		return nil
	}
	return r.deployImage(params)
}

// numbers are those that are to be scaled to.
func (r *run) numbers(s *snapshot) map[string]int {
	want, procfile := make(map[string]int), r.procfile(s)
	if s.api.Major == 1 { // which can have destroyed some, and kept the number
		want = s.wanted()
	}
	if len(r.plan.Scale) > 0 && len(procfile) > 0 && !hasKey(procfile, "cmd") && s.app.Structure["cmd"] == 1 {
		want["cmd"] = 0 // the first build started it by itself
	}
	maps.Copy(want, r.plan.Scale)
	maps.DeleteFunc(want, func(procType string, n int) bool { return s.has(procType, n) || n == 0 && !hasType(procfile, procType) })
	return want
}

// back compares the app with what it was before. If there is no going back, it only takes back what would fail later changes.
func (r *run) back(s *snapshot) (list []*action, err error) {
	add := func(a *action) {
		if a != nil && !slices.ContainsFunc(r.sent[r.turned:], func(b *action) bool { return b.What == a.What }) {
			a.Step = StepRollback
			list = append(list, a)
		}
	}
	r.keepNumbers(s)
	add(r.cure(s))
	switch {
	case !r.goesBack():
	case !r.isBefore(s):
		add(r.scale(r.newTypes(s)))
		add(r.rollBack(r.base.current))
	default:
		add(r.scale(r.formerNumbers(s)))
		if a := r.rollBack(r.base.current); r.lacksPods(s) {
			a.ripe = backSettleTime
			add(a)
		}
		if lastOf(r.sent[:r.turned], StepSettings) != nil {
			add(r.setSettings(partsOf(s.settings).differing(r.formerSettings())))
		}
	}
	return list, nil
}

// goesBack reports whether there is something to go back to, and nobody is in the way.
func (r *run) goesBack() bool {
	return r.plan.Rollback && r.superseded == nil && r.base.current.Build != ""
}

// isBefore reports whether the newest release has what ran before.
func (r *run) isBefore(s *snapshot) bool {
	before := r.base.current
	return s.newest.Build == before.Build && (s.newest.Config == before.Config || len(s.config.restoring(r.base.config, nil)) == 0)
}

// cure sets back the variables of a change that failed on a v1.6 Controller, which would fail every later change.
func (r *run) cure(s *snapshot) *action {
	a := lastOf(r.sent[:r.turned], StepConfig)
	if s.api.Major >= 2 || a == nil || a.release != nil || a.refused || r.last(StepConfig) != nil {
		return nil
	}
	return r.setConfig(a.changes.names(), s.config.former(a.changes), s.config)
}

// keepNumbers makes numbers that others have changed since the last change those to go back to.
func (r *run) keepNumbers(s *snapshot) {
	for procType := range joined(s.app.Structure, r.after) {
		if n := s.app.Structure[procType]; n != r.after[procType] {
			r.base.app.Structure = joined(r.base.app.Structure, map[string]int{procType: n})
		}
	}
	r.after = s.app.Structure
}

// joined joins two maps. Where both have a key, the second counts.
func joined(a, b map[string]int) map[string]int {
	all := make(map[string]int, len(a)+len(b))
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// newTypes are those that the former Procfile lacks, to be scaled to 0: after the rollback nobody could.
func (r *run) newTypes(s *snapshot) map[string]int {
	numbers := make(map[string]int)
	for procType, n := range s.app.Structure {
		if n > 0 && r.base.app.Structure[procType] == 0 && !hasType(r.base.build.Procfile, procType) && hasType(s.build.Procfile, procType) {
			numbers[procType] = 0
		}
	}
	return numbers
}

// formerNumbers are those that set the numbers back.
func (r *run) formerNumbers(s *snapshot) map[string]int {
	numbers := make(map[string]int)
	for procType := range joined(r.base.app.Structure, s.app.Structure) {
		n := r.base.app.Structure[procType]
		if !s.has(procType, n) && (hasType(s.build.Procfile, procType) || len(s.build.Procfile) == 0) {
			numbers[procType] = n
		}
	}
	return numbers
}

// formerSettings are what sets the plan's settings back.
func (r *run) formerSettings() parts {
	return partsOf(r.base.settings).former(partsOf(r.plan.settings()))
}

// ready reports whether the wanted pods are up, where no change is needed any more. The error is that they will not be.
func (r *run) ready(s *snapshot) (bool, error) {
	up, total := 0, 0
	for procType, n := range s.wanted() {
		up, total = up+min(s.count(procType, pods.Pod.Up), n), total+n
	}
	if total > 0 {
		r.tellEvent(s, Event{Step: StepWait, Message: fmt.Sprintf("%d of %d pods up", up, total), Up: up, Want: total})
	}
	if up == total {
		r.warn(s)
		return true, nil
	}
	r.waitFor("waiting for the pods: " + s.describe())
	for _, p := range s.down() {
		switch {
		case p.State == pods.StateCrashed || p.State == pods.StateError:
			return false, fmt.Errorf("%w: %s", pods.ErrCrashed, s.describe())
		case p.State == pods.StateDestroyed && s.live(p.Type) < s.wanted()[p.Type]:
			return false, fmt.Errorf("%w: %s", pods.ErrDestroyed, s.describe())
		}
	}
	return false, nil
}

// warn tells if no type of the plan's Procfile is to run, as after a first deploy that scales nothing.
func (r *run) warn(s *snapshot) {
	types, want, runs := slices.Sorted(maps.Keys(r.plan.Procfile)), s.wanted(), "nothing"
	if len(types) == 0 || slices.ContainsFunc(types, func(procType string) bool { return want[procType] > 0 }) {
		return
	}
	if len(want) > 0 {
		runs = "only " + write(want)
	}
	r.tell(s, StepScale, fmt.Sprintf("no process of %s is asked for: %s runs; scale them", strings.Join(types, " or "), runs))
}
