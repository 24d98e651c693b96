package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/settings"
)

// An action is one change and what became of it.
type action struct {
	Change
	doing, done string        // the change in words, while it is made and afterwards
	request     Step          // what is sent; Change.Step is the purpose
	grace       time.Duration // how long the change must be necessary before it is sent
	changes     parts         // of the config
	reverts     bool          // the config gets back what a v1.6 Controller changed in addition to an earlier change

	send      func(context.Context) error
	applied   func(*snapshot) bool                   // reports whether the app is as the action would make it
	isRelease func(*snapshot, releases.Release) bool // recognizes the release that the action makes; nil if it makes none
	sets      func(procType string, n int) bool      // reports whether it may set a number of pods; nil if it sets none

	err      error // nil if the effect was observed
	outcome  outcome
	until    time.Time         // when to stop waiting for its effect
	resolved bool              // its effect was observed, or the wait for it is over
	release  *releases.Release // the release that it made, once that was observed
}

// An outcome is what an error of a request says about the change.
type outcome int

const (
	accepted outcome = iota // the Controller reported success
	unsent                  // the request did not reach the Controller
	refused                 // the change was certainly not carried out
	failed                  // the Controller reported a failure, perhaps after a part of the change
	lost                    // the Controller's response did not arrive: nobody knows
)

func outcomeOf(err error) outcome {
	var failure *rest.Error
	switch {
	case err == nil:
		return accepted
	case errors.Is(err, errors.ErrUnsupported): // a server that does not know a part of the config stores the others
		return failed
	case !errors.As(err, &failure), !failure.MayHaveActed() && failure.Temporary():
		return unsent
	case !failure.MayHaveActed():
		return refused
	case failure.FromController() && failure.StatusCode >= http.StatusBadRequest:
		return failed
	}
	return lost
}

// newAction returns an action that is described by three forms of a verb, separated by spaces, and an object.
func newAction(request Step, verb, object string, send func(context.Context) error) *action {
	forms := strings.Fields(verb)
	return &action{Change: Change{request, forms[0] + " " + object}, request: request, send: send,
		doing: forms[1] + " " + object, done: forms[2] + " " + object}
}

// isDone reports whether the action was carried out, as far as an observation shows.
func (a *action) isDone(s *snapshot) bool {
	switch {
	case a.isUnchanged():
		return true // even if the Controller stores it in another place, as it does with HEALTHCHECK_URL
	case a.request == StepHeal && a.outcome == refused:
		return true // the next change will report what is wrong
	case a.isRelease != nil:
		return a.release != nil && a.release.UUID == s.current.UUID && (a.outcome == accepted || a.outcome == lost)
	}
	return a.err == nil || a.applied(s)
}

// isUnchanged reports whether the Controller responded that the app was in the wanted state already.
func (a *action) isUnchanged() bool {
	return errors.Is(a.err, config.ErrUnchanged) || errors.Is(a.err, settings.ErrUnchanged)
}

// failure returns the reason why the action was not carried out.
func (a *action) failure(s *snapshot) error {
	if a.err != nil {
		return a.err
	}
	if s.releases[0].Failed {
		return fmt.Errorf("deis: %s: release v%d failed: %s", a.What, s.releases[0].Version, rest.Sanitize(s.releases[0].Exception))
	}
	return fmt.Errorf("deis: %s: the Controller has withdrawn the release", a.What)
}

func (r *run) create() *action {
	a := newAction(StepCreate, "create creating created", "app "+r.plan.App, func(ctx context.Context) error {
		_, err := r.client.Apps.Create(ctx, apps.CreateParams{ID: r.plan.App})
		return err
	})
	a.applied = func(s *snapshot) bool { return s.app != nil }
	return a
}

// complete repairs an app whose creation failed half-way: a 2.x Controller then creates what is missing.
func (r *run) complete(s *snapshot) *action {
	a := newAction(StepHeal, "complete completing completed", "app "+r.plan.App+", which was created only in part", func(ctx context.Context) error {
		return r.client.Apps.Update(ctx, r.plan.App, apps.UpdateParams{Owner: s.app.Owner})
	})
	a.applied = func(s *snapshot) bool { return slices.Contains(s.domains, r.plan.App) }
	return a
}

// setConfig changes a config, which is before at that time. The changes may repeat what is in it already.
func (r *run) setConfig(what []string, changes, before parts) *action {
	uuid := ""
	a := newAction(StepConfig, "change changing changed", strings.Join(what, ", "), func(ctx context.Context) error {
		made, err := r.client.Config.Set(ctx, r.plan.App, changesOf[config.Changes](changes))
		if err == nil {
			uuid = made.UUID
		}
		return err
	})
	a.changes = changes
	a.isRelease = func(s *snapshot, release releases.Release) bool {
		if uuid != "" {
			return release.Config == uuid
		}
		stored := errors.Is(a.err, errors.ErrUnsupported) || len(s.config.differing(changes)) == 0 // some servers do not know hooks
		return release.Config == s.configID && stored && len(s.config.restoring(before, changes)) == 0
	}
	return a
}

func (r *run) deployImage(s *snapshot, params builds.CreateParams) *action {
	uuid, known, first := "", maps.Clone(r.builds), s.current.Build == ""
	a := newAction(StepBuild, "deploy deploying deployed", params.Image, func(ctx context.Context) error {
		made, err := r.client.Builds.Create(ctx, r.plan.App, params)
		if err == nil {
			uuid = made.UUID
		}
		return err
	})
	a.isRelease = func(_ *snapshot, release releases.Release) bool {
		_, old := known[release.Build]
		return release.Build == uuid || uuid == "" && !old && isBuildOf(r.builds[release.Build], params)
	}
	a.sets = func(procType string, n int) bool {
		return first && n == 1 || n == 0 && !hasKey(params.Procfile, procType)
	}
	return a
}

// isBuildOf reports whether a build matches the parameters that are set.
func isBuildOf(build builds.Build, params builds.CreateParams) bool {
	return build.Image == params.Image && maps.Equal(build.Procfile, params.Procfile) &&
		(params.SHA == "" || params.SHA == build.SHA) && (params.Dockerfile == "" || params.Dockerfile == build.Dockerfile)
}

// rollBack deploys a release again, which makes a new one with the same content.
func (r *run) rollBack(to releases.Release) *action {
	version := 0
	a := newAction(StepRollback, "roll rolling rolled", fmt.Sprintf("back to v%d", to.Version), func(ctx context.Context) (err error) {
		version, err = r.client.Releases.Rollback(ctx, r.plan.App, to.Version)
		return err
	})
	a.isRelease = func(_ *snapshot, release releases.Release) bool {
		return release.Build == to.Build && release.Config == to.Config && (version == 0 || version == release.Version)
	}
	a.sets = func(procType string, n int) bool { return n == 0 && !hasKey(r.builds[to.Build].Procfile, procType) }
	return a
}

// scale sets numbers of pods. It returns nil if there are none.
func (r *run) scale(s *snapshot, numbers map[string]int) *action {
	if len(numbers) == 0 {
		return nil
	}
	a := newAction(StepScale, "scale scaling scaled", "to "+formatNumbers(numbers), func(ctx context.Context) error {
		return r.client.Pods.Scale(ctx, r.plan.App, numbers)
	})
	a.sets = func(procType string, n int) bool {
		if number, named := numbers[procType]; named || s.api.Major >= 2 {
			return named && n == number
		}
		return n == len(s.podsOf(procType)) // a v1.6 Controller counts the containers of the other types
	}
	a.applied = func(s *snapshot) bool { // a 2.x Controller may have stored the numbers and done nothing
		for procType, n := range numbers {
			if s.app.Structure[procType] != n || s.live(procType) != n && s.minimum(procType) == 0 {
				return false
			}
		}
		return true
	}
	return a
}

// formatNumbers formats numbers of pods by type: "web=2 worker=1".
func formatNumbers(numbers map[string]int) string {
	var parts []string
	for _, procType := range slices.Sorted(maps.Keys(numbers)) {
		parts = append(parts, fmt.Sprintf("%s=%d", procType, numbers[procType]))
	}
	return strings.Join(parts, " ")
}

func (r *run) addDomain(name string) *action {
	a := newAction(StepDomains, "add adding added", "domain "+name, func(ctx context.Context) error {
		_, err := r.client.Domains.Create(ctx, r.plan.App, name)
		return err
	})
	a.applied = func(s *snapshot) bool { return slices.Contains(s.domains, hostName(name)) }
	return a
}

// setSettings changes settings. It returns nil if there are no changes.
func (r *run) setSettings(changes parts) *action {
	if len(changes) == 0 {
		return nil
	}
	a := newAction(StepSettings, "change changing changed", "settings "+strings.Join(changes.names(), ", "), func(ctx context.Context) error {
		_, err := r.client.Settings.Set(ctx, r.plan.App, changesOf[settings.Changes](changes))
		return err
	})
	a.applied = func(s *snapshot) bool { return len(partsOf(s.settings).differing(changes)) == 0 }
	return a
}
