package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	doing, done string        // the change, while it is made and after
	kind        Step          // what is sent; Change.Step says what for
	ripe        time.Duration // how long it must be necessary until it is made
	changes     parts         // of the config
	repairs     bool          // it sets back what a change of the config has brought back beside itself

	send func(context.Context) error
	met  func(*snapshot) bool                   // reports whether the app is as the action would make it
	made func(*snapshot, releases.Release) bool // recognises the release that the action makes; nil: it makes none

	err      error
	refused  bool              // it was certainly not carried out
	failed   bool              // the Controller says that it failed, if not before it has done a part
	lost     bool              // there was no response of the Controller
	until    time.Time         // when to give up on learning what became of it
	resolved bool              // that is known, or given up on
	overdue  bool              // it is given up on, and the action may still be carried out
	release  *releases.Release // that it made, once that was seen
}

// newAction makes an action of three forms of a verb, separated by spaces, and the object.
func newAction(kind Step, verb, object string, send func(context.Context) error) *action {
	forms := strings.Fields(verb)
	object = " " + object
	return &action{Change: Change{kind, forms[0] + object}, kind: kind, doing: forms[1] + object, done: forms[2] + object, send: send}
}

// isDone reports whether the action was carried out, as far as an observation shows.
func (a *action) isDone(s *snapshot) bool {
	switch {
	case errors.Is(a.err, config.ErrUnchanged), errors.Is(a.err, settings.ErrUnchanged):
		return true // also where the Controller has put it elsewhere, as HEALTHCHECK_URL
	case a.kind == StepHeal && a.refused:
		return true // the next change says what is wrong
	case a.made != nil:
		return a.release != nil && a.release.UUID == s.current.UUID && !a.failed
	}
	return a.err == nil || a.met(s)
}

// failure is why the action was not carried out.
func (a *action) failure(s *snapshot) error {
	if a.err != nil {
		return a.err
	}
	if s.releases[0].Failed {
		return fmt.Errorf("deis: %s: release v%d failed: %s", a.What, s.releases[0].Version, rest.Sanitize(s.releases[0].Exception))
	}
	return fmt.Errorf("deis: %s: the Controller has taken the release back", a.What)
}

func (r *run) create() *action {
	a := newAction(StepCreate, "create creating created", "app "+r.plan.App, func(ctx context.Context) error {
		_, err := r.client.Apps.Create(ctx, apps.CreateParams{ID: r.plan.App})
		return err
	})
	a.met = func(s *snapshot) bool { return s.app != nil }
	return a
}

// complete mends an app whose creation failed half-way: a 2.x Controller then makes what is missing.
func (r *run) complete(s *snapshot) *action {
	a := newAction(StepHeal, "complete completing completed", "app "+r.plan.App+", which was created by half", func(ctx context.Context) error {
		return r.client.Apps.Update(ctx, r.plan.App, apps.UpdateParams{Owner: s.app.Owner})
	})
	a.met = func(s *snapshot) bool { return slices.Contains(s.domains, r.plan.App) }
	return a
}

// setConfig changes the config, which is before then. The changes can repeat what is so already.
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
	a.made = func(s *snapshot, release releases.Release) bool {
		if uuid != "" {
			return release.Config == uuid
		}
		stored := errors.Is(a.err, errors.ErrUnsupported) || len(s.config.differing(changes)) == 0 // some servers do not know hooks
		return release.Config == s.configID && stored && len(s.config.restoring(before, changes)) == 0
	}
	return a
}

func (r *run) deployImage(params builds.CreateParams) *action {
	uuid, known := "", maps.Clone(r.builds)
	a := newAction(StepBuild, "deploy deploying deployed", params.Image, func(ctx context.Context) error {
		made, err := r.client.Builds.Create(ctx, r.plan.App, params)
		if err == nil {
			uuid = made.UUID
		}
		return err
	})
	a.made = func(_ *snapshot, release releases.Release) bool {
		_, old := known[release.Build]
		return release.Build == uuid || uuid == "" && !old && isBuildOf(r.builds[release.Build], params)
	}
	return a
}

// isBuildOf reports whether a build is of what the parameters say, as far as they say it.
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
	a.made = func(_ *snapshot, release releases.Release) bool {
		return release.Build == to.Build && release.Config == to.Config && (version == 0 || version == release.Version)
	}
	return a
}

// scale scales to numbers; to none it is nil.
func (r *run) scale(numbers map[string]int) *action {
	if len(numbers) == 0 {
		return nil
	}
	a := newAction(StepScale, "scale scaling scaled", "to "+write(numbers), func(ctx context.Context) error {
		return r.client.Pods.Scale(ctx, r.plan.App, numbers)
	})
	a.met = func(s *snapshot) bool { // a 2.x Controller can have stored the numbers and done nothing
		for procType, n := range numbers {
			if s.app.Structure[procType] != n || s.live(procType) != n && s.minimum(procType) == 0 {
				return false
			}
		}
		return true
	}
	return a
}

// write writes how many of each type, "web=2 worker=1".
func write(numbers map[string]int) string {
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
	a.met = func(s *snapshot) bool { return slices.Contains(s.domains, hostName(name)) }
	return a
}

// setSettings changes settings; without changes it is nil.
func (r *run) setSettings(changes parts) *action {
	if len(changes) == 0 {
		return nil
	}
	a := newAction(StepSettings, "change changing changed", "settings "+strings.Join(changes.names(), ", "), func(ctx context.Context) error {
		_, err := r.client.Settings.Set(ctx, r.plan.App, changesOf[settings.Changes](changes))
		return err
	})
	a.met = func(s *snapshot) bool { return len(partsOf(s.settings).differing(changes)) == 0 }
	return a
}
