package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/settings"
)

// did reports whether an action of that kind was sent already in this direction; "" is whatever it was about.
func (r *run) did(kind Step, what string) bool {
	return slices.ContainsFunc(r.sent[r.turned:], func(a *action) bool { return a.kind == kind && (what == "" || a.What == what) })
}

// forward compares the app with the plan.
func (r *run) forward(s *snapshot) (list []*action, err error) {
	if s.app == nil {
		list = append(list, r.create())
		s = &snapshot{app: new(apps.App), config: s.config}
	}
	if len(r.sent) == 0 && len(r.plan.Scale) > 0 {
		if err := r.plan.checkTypes(r.procfile(s)); err != nil {
			return nil, err
		}
	}
	if err := r.checkOwn(s); err != nil {
		return nil, err
	}
	needs := []func(*snapshot) *action{r.heal, r.configure, r.build, r.rescale}
	if s.build.UUID != "" && len(s.pods) == 0 { // it may be a build that cannot run, and then no config can be deployed with it
		needs[1], needs[2] = r.build, r.configure
	}
	for _, needed := range needs {
		if a := needed(s); a != nil {
			list = append(list, a)
		}
	}
	for _, name := range r.plan.Domains {
		if a := r.addDomain(name); !a.met(s) && !r.did(StepDomains, a.What) {
			list = append(list, a)
		}
	}
	changes := differingSettings(s.settings, settings.Changes{Maintenance: r.plan.Maintenance, Autoscale: r.plan.Autoscale})
	if r.plan.hasSettings() && len(settingNames(changes)) > 0 && !r.did(StepSettings, "") {
		list = append(list, r.set(changes))
	}
	return list, nil
}

// procfile is the one that the app has after the deploy.
func (r *run) procfile(s *snapshot) map[string]string {
	if r.plan.Image == "" || len(r.plan.Procfile) == 0 {
		return s.build.Procfile
	}
	return r.plan.Procfile
}

// checkOwn returns an error if the release that this run made last does not run any more.
func (r *run) checkOwn(s *snapshot) error {
	for _, a := range slices.Backward(r.sent[r.turned:]) {
		if a.release != nil && a.release.UUID != s.current.UUID {
			return a.failure(s)
		}
		if a.release != nil {
			break
		}
	}
	return nil
}

// heal mends what an earlier deploy has left behind.
func (r *run) heal(s *snapshot) *action {
	switch {
	case r.isFirstBuild(s) && s.app.UUID != "" && !slices.Contains(s.domains, s.app.ID) && !r.did(StepHeal, ""):
		return r.complete(s)
	case s.current.Build == "" || r.did(StepRollback, "") || r.overdue:
		return nil
	case r.api.Major >= 2 && r.isShort(s), s.current.UUID != s.newest.UUID:
		a := r.rollBack(s.current)
		a.Step, a.ripe = StepHeal, settleTime
		a.What += ", whose pods are missing"
		if s.current.UUID != s.newest.UUID {
			a.What = fmt.Sprintf("roll back to v%d, because v%d failed", s.current.Version, s.newest.Version)
		}
		return a
	}
	return nil
}

// configure changes the part of the config that differs. A v1.6 Controller merges a change into the config that was made
// last, also if its deploy failed or a rollback has put it out of use. So it gets all of the plan's config, and what else
// that brought back is set back.
func (r *run) configure(s *snapshot) *action {
	want := partsOf(r.plan.Config)
	changes := s.config.differing(want)
	before := r.last(StepConfig)
	switch {
	case before != nil && (r.api.Major >= 2 || before.repairs):
		return nil
	case before != nil:
		changes = s.config.restoring(r.base.config, want)
		want = changes
	case r.api.Major >= 2:
		want = changes
	}
	if len(changes.names()) == 0 {
		return nil
	}
	a := r.setConfig(changes.names(), want, s.config)
	a.repairs = before != nil
	return a
}

// last is the last action of a kind in this direction, if any.
func (r *run) last(kind Step) *action {
	for _, a := range slices.Backward(r.sent[r.turned:]) {
		if a.kind == kind {
			return a
		}
	}
	return nil
}

// build deploys the image, unless it is what runs.
func (r *run) build(s *snapshot) *action {
	params := r.plan.build()
	if params.Image == "" || r.did(StepBuild, "") {
		return nil
	}
	if params.Procfile = r.procfile(s); isBuildOf(s.build, params) {
		if !r.plan.Force {
			r.tell(s, StepBuild, params.Image+" runs already; Force deploys it again")
			return nil
		}
	}
	return r.deployImage(params)
}

// rescale scales the types whose numbers differ.
func (r *run) rescale(s *snapshot) *action {
	numbers, procfile := make(map[string]int), r.procfile(s)
	for procType, n := range r.plan.Scale {
		numbers[procType] = n
	}
	_, named := r.plan.Scale["cmd"]
	_, has := procfile["cmd"]
	if len(r.plan.Scale) > 0 && len(procfile) > 0 && !named && !has && s.app.Structure["cmd"] == 1 {
		numbers["cmd"] = 0 // the first build started it by itself
	}
	if r.api.Major == 1 { // which can have destroyed some, and kept the number
		for procType, n := range s.wanted() {
			if _, planned := numbers[procType]; !planned {
				numbers[procType] = n
			}
		}
	}
	maps.DeleteFunc(numbers, func(procType string, n int) bool {
		return s.app.Structure[procType] == n && (r.api.Major >= 2 || s.live(procType) >= n) || !hasType(procfile, procType) && n == 0
	})
	if len(numbers) == 0 || r.did(StepScale, "") {
		return nil
	}
	return r.scale(numbers)
}

// back compares the app with what it was before. Without Rollback it only takes back what would fail later changes.
func (r *run) back(s *snapshot) (list []*action, err error) {
	add := func(a *action) {
		if a != nil && !r.did(a.kind, a.What) {
			a.Step = StepRollback
			list = append(list, a)
		}
	}
	r.keepNumbers(s)
	add(r.cure(s))
	if !r.goesBack() {
		return list, nil
	}
	if !r.isBefore(s) {
		add(r.stopNewTypes(s))
		add(r.rollBack(r.base.current))
		return list, nil
	}
	add(r.scaleBack(s))
	if r.api.Major >= 2 && r.isShort(s) {
		a := r.rollBack(r.base.current)
		a.ripe = backSettleTime
		add(a)
	}
	if r.forwardDid(StepSettings) {
		if changes := r.formerSettings(s); len(settingNames(changes)) > 0 {
			add(r.set(changes))
		}
	}
	return list, nil
}

// keepNumbers makes numbers that others have changed since the last change those to go back to.
func (r *run) keepNumbers(s *snapshot) {
	for procType := range mergeKeys(s.app.Structure, r.after) {
		if n := s.app.Structure[procType]; n != r.after[procType] {
			r.base.app.Structure = mergeKeys(r.base.app.Structure, map[string]int{procType: n})
		}
	}
	r.after = s.app.Structure
}

// goesBack reports whether there is something to go back to, and nobody is in the way.
func (r *run) goesBack() bool {
	return r.plan.Rollback && r.superseded == nil && r.base.current.Build != ""
}

// forwardDid reports whether an action of that kind was sent on the way forward.
func (r *run) forwardDid(kind Step) bool {
	return slices.ContainsFunc(r.sent[:r.turned], func(a *action) bool { return a.kind == kind && !a.refused })
}

// isBefore reports whether the newest release has what ran before.
func (r *run) isBefore(s *snapshot) bool {
	before := r.base.current
	return s.newest.UUID == before.UUID || s.newest.Build == before.Build &&
		(s.newest.Config == before.Config || len(s.config.restoring(r.base.config, nil).names()) == 0)
}

// cure sets back the variables of a change that failed on a v1.6 Controller, which would fail every later change.
func (r *run) cure(s *snapshot) *action {
	for _, a := range r.sent[:r.turned] {
		if r.api.Major == 1 && a.kind == StepConfig && a.release == nil && !a.refused && !r.did(StepConfig, "") {
			return r.setConfig(a.changes.names(), s.config.former(a.changes), s.config)
		}
	}
	return nil
}

// stopNewTypes scales to 0 what the former Procfile lacks: after the rollback nobody could.
func (r *run) stopNewTypes(s *snapshot) *action {
	numbers := make(map[string]int)
	for procType, n := range s.app.Structure {
		if n > 0 && r.base.app.Structure[procType] == 0 && !hasType(r.base.build.Procfile, procType) && hasType(s.build.Procfile, procType) {
			numbers[procType] = 0
		}
	}
	if len(numbers) == 0 || r.did(StepScale, "") {
		return nil
	}
	return r.scale(numbers)
}

// scaleBack sets the numbers back.
func (r *run) scaleBack(s *snapshot) *action {
	numbers := make(map[string]int)
	for procType := range mergeKeys(r.base.app.Structure, s.app.Structure) {
		n := r.base.app.Structure[procType]
		isSame := s.app.Structure[procType] == n && (r.api.Major >= 2 || s.live(procType) >= n)
		if !isSame && (hasType(s.build.Procfile, procType) || len(s.build.Procfile) == 0) {
			numbers[procType] = n
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	return r.scale(numbers)
}

// formerSettings is what sets the plan's settings back.
func (r *run) formerSettings(s *snapshot) settings.Changes {
	want := settings.Changes{Autoscale: make(map[string]*settings.Autoscale)}
	if r.plan.Maintenance != nil {
		want.Maintenance = &r.base.settings.Maintenance
	}
	for procType := range r.plan.Autoscale {
		want.Autoscale[procType] = nil
		if former, set := r.base.settings.Autoscale[procType]; set {
			want.Autoscale[procType] = &former
		}
	}
	return differingSettings(s.settings, want)
}

// ready reports whether the wanted pods are up, where no change is needed any more. The error is that they will not be.
func (r *run) ready(s *snapshot) (bool, error) {
	r.warn(s)
	up, total, missing := 0, 0, false
	for procType, n := range s.wanted() {
		now := s.count(procType, pods.Pod.Up)
		up, total, missing = up+min(now, n), total+n, missing || now < n
	}
	if missing {
		for _, p := range s.down() {
			switch {
			case p.State == pods.StateCrashed || p.State == pods.StateError:
				return false, fmt.Errorf("%w: %s", pods.ErrCrashed, s.describe())
			case p.State == pods.StateDestroyed && s.live(p.Type) < s.wanted()[p.Type]:
				return false, fmt.Errorf("%w: %s", pods.ErrDestroyed, s.describe())
			}
		}
		r.waiting = "waiting for the pods: " + s.describe()
	}
	if total > 0 {
		r.tellEvent(s, Event{Step: StepWait, Message: fmt.Sprintf("%d of %d pods up", up, total), Up: up, Want: total})
	}
	return !missing, nil
}

// warn tells if no type of the plan's Procfile is to run, as after a first deploy that scales nothing.
func (r *run) warn(s *snapshot) {
	types, want := slices.Sorted(maps.Keys(r.plan.Procfile)), s.wanted()
	if r.warned || len(types) == 0 || slices.ContainsFunc(types, func(procType string) bool { return want[procType] > 0 }) {
		return
	}
	r.warned = true
	runs := "nothing"
	if len(want) > 0 {
		runs = "only " + write(want)
	}
	r.tell(s, StepScale, fmt.Sprintf("no process of %s is asked for: %s runs; scale them", strings.Join(types, " or "), runs))
}
