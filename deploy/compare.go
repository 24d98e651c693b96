package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/pods"
)

// last returns the last action with a request that was sent in this direction, or nil.
func (r *run) last(request Step) *action { return lastOf(r.sent[r.forwardCount:], request) }

func lastOf(sent []*action, request Step) *action {
	for _, a := range slices.Backward(sent) {
		if a.request == request {
			return a
		}
	}
	return nil
}

// forward compares the app with the plan, and returns the actions that are needed, in order.
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
	for _, a := range slices.Backward(r.sent[r.forwardCount:]) {
		if a.release != nil && a.release.UUID != s.current.UUID {
			return nil, a.failure(s) // the release that this run made last no longer runs
		} else if a.release != nil {
			break
		}
	}
	if add(r.heal(s)); s.build.UUID != "" && len(s.pods) == 0 { // the build may be the reason, and fail every config change
		add(r.build(s), r.configure(s))
	} else {
		add(r.configure(s), r.build(s))
	}
	if r.last(StepScale) == nil {
		add(r.scale(s, r.numbers(s)))
	}
	for _, name := range r.plan.Domains {
		if a := r.addDomain(name); !a.applied(s) && !slices.ContainsFunc(r.sent, func(b *action) bool { return b.What == a.What }) {
			add(a)
		}
	}
	if r.plan.hasSettings() && r.last(StepSettings) == nil {
		add(r.setSettings(partsOf(s.settings).differing(partsOf(r.plan.settings()))))
	}
	return list, nil
}

// procfile returns the Procfile that the app has after the deploy.
func (r *run) procfile(s *snapshot) map[string]string {
	if len(r.plan.Procfile) == 0 {
		return s.build.Procfile
	}
	return r.plan.Procfile
}

// heal repairs what an earlier deploy has left behind.
func (r *run) heal(s *snapshot) *action {
	failed := s.current.UUID != s.newest.UUID
	switch {
	case r.isFirstBuild(s) && s.app.UUID != "" && !slices.Contains(s.domains, s.app.ID) && r.last(StepHeal) == nil:
		return r.complete(s)
	case s.current.Build == "" || r.last(StepRollback) != nil || r.hasAbandoned() || !failed && !r.needsRedeploy(s):
		return nil
	}
	a := r.rollBack(s.current)
	a.Step, a.grace = StepHeal, settleTime
	if len(s.pods) == 0 { // 2.x Controllers list none either while they cannot reach Kubernetes
		a.grace = patience
	}
	if a.What += ", whose pods are missing"; failed {
		a.What = fmt.Sprintf("roll back to v%d, because v%d failed", s.current.Version, s.newest.Version)
	}
	return a
}

// needsRedeploy reports whether pods are missing that only another deploy starts. On v1.6 Controllers scaling does.
func (r *run) needsRedeploy(s *snapshot) bool { return s.api.Major >= 2 && r.lacksPods(s) }

// configure changes the entries of the config that differ. A v1.6 Controller merges a change into the config that was made
// last, even if its deploy failed or it was rolled back. So it is sent the plan's whole config, and what else the merge
// changed is then reverted.
func (r *run) configure(s *snapshot) *action {
	want := partsOf(r.plan.Config)
	changes, before := s.config.differing(want), r.last(StepConfig)
	switch {
	case before != nil && (s.api.Major >= 2 || before.reverts):
		return nil
	case before != nil:
		changes = s.config.restoring(r.before.config, want)
		want = changes
	case s.api.Major >= 2:
		want = changes
	}
	if len(changes) == 0 {
		return nil
	}
	a := r.setConfig(changes.names(), want, s.config)
	a.reverts = before != nil
	return a
}

// build deploys the image, unless it is what runs.
func (r *run) build(s *snapshot) *action {
	params := r.plan.build()
	if params.Image == "" || r.last(StepBuild) != nil {
		return nil
	}
	if params.Procfile = r.procfile(s); isBuildOf(s.build, params) && !r.plan.Force {
		if len(r.sent) == 0 {
			r.say(s, StepBuild, "the app already runs "+params.Image+": use force to deploy it again")
		}
		return nil
	}
	return r.deployImage(s, params)
}

// numbers returns the numbers of pods to scale to.
func (r *run) numbers(s *snapshot) map[string]int {
	want, procfile := make(map[string]int), r.procfile(s)
	if s.api.Major == 1 { // it may have destroyed some pods and kept the number
		want = s.wanted()
	}
	if len(r.plan.Scale) > 0 && len(procfile) > 0 && !hasKey(procfile, "cmd") && s.app.Structure["cmd"] == 1 {
		want["cmd"] = 0 // the Controller started it with the first build
	}
	maps.Copy(want, r.plan.Scale)
	maps.DeleteFunc(want, func(procType string, n int) bool { return s.has(procType, n) || n == 0 && !hasType(procfile, procType) })
	return want
}

// back compares the app with what it was before, and returns the actions that are needed, in order. If there is nothing to
// go back to, it only reverts what would fail later changes.
func (r *run) back(s *snapshot) (list []*action, err error) {
	add := func(a *action) {
		if a != nil && !slices.ContainsFunc(r.sent[r.forwardCount:], func(b *action) bool { return b.What == a.What }) {
			a.Step = StepRollback
			list = append(list, a)
		}
	}
	add(r.revertConfig(s))
	switch {
	case !r.canGoBack():
	case !r.isRestored(s):
		add(r.scale(s, r.typesToStop(s)))
		add(r.rollBack(r.before.current))
	default:
		add(r.scale(s, r.formerNumbers(s)))
		if a := r.rollBack(r.before.current); r.needsRedeploy(s) && r.sent[r.forwardCount-1].request != StepRollback {
			a.grace = backSettleTime
			add(a)
		}
		if lastOf(r.sent[:r.forwardCount], StepSettings) != nil {
			add(r.setSettings(partsOf(s.settings).differing(r.formerSettings())))
		}
	}
	return list, nil
}

// canGoBack reports whether the plan allows it, there is a build to go back to, and nobody else has changed the app.
func (r *run) canGoBack() bool {
	return r.plan.Rollback && r.superseded == nil && r.before.current.Build != ""
}

// isRestored reports whether the newest release has the build and the config that ran before.
func (r *run) isRestored(s *snapshot) bool {
	before := r.before.current
	return s.newest.Build == before.Build && (s.newest.Config == before.Config || len(s.config.restoring(r.before.config, nil)) == 0)
}

// revertConfig reverts a config change that failed on a v1.6 Controller, where it would fail every later change.
func (r *run) revertConfig(s *snapshot) *action {
	a := lastOf(r.sent[:r.forwardCount], StepConfig)
	if s.api.Major >= 2 || a == nil || a.release != nil || a.outcome == refused || r.last(StepConfig) != nil {
		return nil
	}
	return r.setConfig(a.changes.names(), s.config.former(a.changes), s.config)
}

// merged returns the entries of both maps; b's win.
func merged(a, b map[string]int) map[string]int {
	all := make(map[string]int, len(a)+len(b))
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// typesToStop returns the types to scale to 0 before a rollback, because the former Procfile lacks them: after the
// rollback nobody could.
func (r *run) typesToStop(s *snapshot) map[string]int {
	numbers, former := make(map[string]int), merged(r.before.app.Structure, r.theirs)
	for procType, n := range s.app.Structure {
		if n > 0 && former[procType] == 0 && !hasType(r.before.build.Procfile, procType) && hasType(s.build.Procfile, procType) {
			numbers[procType] = 0
		}
	}
	return numbers
}

// formerNumbers returns the numbers of pods before, as far as they differ. Numbers that others have set since stay.
func (r *run) formerNumbers(s *snapshot) map[string]int {
	numbers, former := make(map[string]int), merged(r.before.app.Structure, r.theirs)
	for procType := range merged(former, s.app.Structure) {
		if n := former[procType]; !s.has(procType, n) && (hasType(s.build.Procfile, procType) || len(s.build.Procfile) == 0) {
			numbers[procType] = n
		}
	}
	return numbers
}

// formerSettings returns what the settings in the plan were before.
func (r *run) formerSettings() parts {
	return partsOf(r.before.settings).former(partsOf(r.plan.settings()))
}

// ready reports whether the wanted pods are up. It returns an error if they will not come up.
func (r *run) ready(s *snapshot) (bool, error) {
	up, total := 0, 0
	for procType, n := range s.wanted() {
		up, total = up+min(s.count(procType, pods.Pod.Up), n), total+n
	}
	if total > 0 {
		r.emit(s, Event{Step: StepWait, Message: fmt.Sprintf("%d of %d pods up", up, total), Up: up, Want: total})
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

// warn reports an event if no type of the plan's Procfile runs, as after a first deploy without Scale.
func (r *run) warn(s *snapshot) {
	types, want, runs := slices.Sorted(maps.Keys(r.plan.Procfile)), s.wanted(), "nothing"
	if len(types) == 0 || slices.ContainsFunc(types, func(procType string) bool { return want[procType] > 0 }) {
		return
	}
	if len(want) > 0 {
		runs = "only " + formatNumbers(want)
	}
	r.say(s, StepScale, fmt.Sprintf("%s runs: scale %s up", runs, strings.Join(types, " or ")))
}
