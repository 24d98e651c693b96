package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

// A snapshot is an app as one observation saw it. Every part of it was read and is valid; without an app it is zero.
type snapshot struct {
	api      version.API
	app      *apps.App
	pods     []pods.Pod
	releases []releases.Release // newest first, back to the one that ran at the start
	newest   releases.Release   // the newest that is not known to have failed
	current  releases.Release   // what runs: the newest, unless a v1.6 Controller kept a failed one
	build    builds.Build       // of the current release, if it has one
	config   parts              // of the newest release
	configID string             // its UUID
	domains  []string           // where they matter
	settings *settings.Settings // where they matter
}

// errMoved says that an app changed between the requests of one observation.
var errMoved = errors.New("deis: the app changes while it is looked at")

// former is the app before the first change, nil before that.
func (r *run) former() *snapshot {
	if len(r.sent) == 0 {
		return nil
	}
	return r.base
}

// observe looks at the app. The last observation before the first change is what the app was before.
func (r *run) observe(ctx context.Context) (s *snapshot, err error) {
	s = new(snapshot)
	if s.api, err = r.client.Negotiate(ctx); err != nil {
		return nil, err
	}
	if r.plan.hasSettings() {
		if err := r.client.REST().Require(ctx, "an app's settings", version.V2_3); err != nil {
			return nil, err
		}
	}
	s.app, err = r.client.Apps.Get(ctx, r.plan.App)
	switch {
	case errors.Is(err, deis.ErrNotFound) && r.former() == nil && r.plan.Create:
		return s, nil
	case errors.Is(err, deis.ErrNotFound) && r.former() != nil:
		return nil, fmt.Errorf("%w: the app is gone: %w", ErrSuperseded, err)
	case err != nil:
		return nil, err
	case r.former() != nil && s.app.UUID != r.base.app.UUID:
		return nil, fmt.Errorf("%w: the app was deleted and made anew", ErrSuperseded)
	}
	for _, read := range []func(context.Context, *snapshot) error{r.readPods, r.readReleases, r.readConfig, r.readBuilds, r.readDomains, r.readSettings} {
		if err := read(ctx, s); err != nil {
			return nil, err
		}
	}
	if r.former() == nil {
		r.base = s
		for _, release := range s.releases {
			r.ours[release.UUID] = false
		}
	}
	return s, nil
}

func (r *run) readPods(ctx context.Context, s *snapshot) (err error) {
	s.pods, err = rest.Collect(r.client.Pods.All(ctx, r.plan.App, pods.ListOptions{}))
	return err
}

// readReleases reads the releases back to what runs, and to what ran before.
func (r *run) readReleases(ctx context.Context, s *snapshot) error {
	for release, err := range r.client.Releases.All(ctx, r.plan.App, releases.ListOptions{PageSize: 10}) {
		if err != nil {
			return err
		}
		s.releases = append(s.releases, release)
		if r.findCurrent(s); s.current.UUID != "" && (r.former() == nil || release.Version <= r.base.current.Version) {
			break
		}
	}
	if s.current.UUID != s.newest.UUID { // perhaps only because the pods were read before
		if err := r.readPods(ctx, s); err != nil {
			return err
		}
		r.findCurrent(s)
	}
	switch {
	case s.current.UUID == "":
		return errMoved
	case r.former() != nil && !slices.ContainsFunc(s.releases, func(l releases.Release) bool { return l.UUID == r.base.current.UUID }):
		return fmt.Errorf("%w: release v%d is gone", ErrSuperseded, r.base.current.Version)
	}
	return nil
}

// findCurrent finds what runs as releases.Service.Current does: the newest release that has not failed. v1.6 Controllers
// do not mark those, so there it is the newest with a pod that is up, if any is.
func (r *run) findCurrent(s *snapshot) {
	s.newest, s.current = releases.Release{}, releases.Release{}
	anyUp := s.api.Major == 1 && slices.ContainsFunc(s.pods, pods.Pod.Up)
	for _, release := range s.releases {
		if s.newest.UUID == "" && !release.Failed {
			s.newest = release
		}
		isUp := func(p pods.Pod) bool { return p.Up() && p.Release == "v"+strconv.Itoa(release.Version) }
		if s.current.UUID == "" && !release.Failed && (!anyUp || slices.ContainsFunc(s.pods, isUp)) {
			s.current = release
		}
	}
}

// readConfig reads the config of the newest release. One that was read before needs no request: it never changes.
func (r *run) readConfig(ctx context.Context, s *snapshot) error {
	if r.now != nil && r.now.configID == s.newest.Config {
		s.config, s.configID = r.now.config, r.now.configID
		return nil
	}
	read, err := r.client.Config.Get(ctx, r.plan.App)
	if err != nil {
		return err
	}
	if s.config, s.configID = partsOf(read), read.UUID; s.configID != s.newest.Config {
		return errMoved
	}
	return nil
}

// readBuilds reads the build of the current release, and of those that are new.
func (r *run) readBuilds(ctx context.Context, s *snapshot) error {
	unknown := func() bool {
		return slices.ContainsFunc(s.releases, func(l releases.Release) bool {
			_, known := r.builds[l.Build]
			_, old := r.ours[l.UUID]
			return l.Build != "" && !known && !l.Failed && (!old || l.UUID == s.current.UUID)
		})
	}
	if unknown() {
		for build, err := range r.client.Builds.All(ctx, r.plan.App, builds.ListOptions{}) {
			if err != nil {
				return err
			}
			r.builds[build.UUID] = build
			if !unknown() {
				break
			}
		}
		if unknown() {
			return errMoved
		}
	}
	s.build = r.builds[s.current.Build]
	return nil
}

// readDomains reads the domains if the plan has some, and before a first build in 2.x: half an app lacks its own.
func (r *run) readDomains(ctx context.Context, s *snapshot) error {
	if len(r.plan.Domains) == 0 && !r.isFirstBuild(s) {
		return nil
	}
	for domain, err := range r.client.Domains.All(ctx, r.plan.App, deis.ListOptions{}) {
		if err != nil {
			return err
		}
		s.domains = append(s.domains, hostName(domain.Domain))
	}
	return nil
}

func (r *run) isFirstBuild(s *snapshot) bool {
	return s.api.Major >= 2 && r.plan.Image != "" && s.current.Build == ""
}

// readSettings reads the settings if the plan has some, and where an autoscaler could explain why there are fewer pods.
func (r *run) readSettings(ctx context.Context, s *snapshot) (err error) {
	if r.plan.hasSettings() || s.api.AtLeast(version.V2_3) && r.isShort(s) {
		s.settings, err = r.client.Settings.Get(ctx, r.plan.App)
	}
	return err
}

// claim finds out who made the releases since the last look: this run, or somebody else. What failed changed nothing.
func (r *run) claim(s *snapshot) error {
	var foreign error
	for _, release := range slices.Backward(s.releases) {
		if _, known := r.ours[release.UUID]; known || release.Failed {
			continue
		}
		i := slices.IndexFunc(r.sent, func(a *action) bool { return !a.refused && a.release == nil && a.made != nil && a.made(s, release) })
		r.ours[release.UUID] = i >= 0
		if i >= 0 {
			r.sent[i].release = &release
		} else if foreign == nil {
			foreign = fmt.Errorf("%w: release v%d is not of this run", ErrSuperseded, release.Version)
		}
	}
	r.superseded = cmp.Or(r.superseded, foreign)
	return foreign
}

// live counts the pods of a type that run or will.
func (s *snapshot) live(procType string) int {
	return s.count(procType, func(p pods.Pod) bool {
		return p.State != pods.StateTerminating && p.State != pods.StateDown && p.State != pods.StateDestroyed
	})
}

func (s *snapshot) count(procType string, counts func(pods.Pod) bool) (n int) {
	for _, p := range s.pods {
		if p.Type == procType && s.isCurrent(p) && counts(p) {
			n++
		}
	}
	return n
}

// wanted is how many pods of each type shall be up: what the app is scaled to, of types that its build has, or the minimum
// of an autoscaler.
func (s *snapshot) wanted() map[string]int {
	want := make(map[string]int)
	if s.current.Build == "" {
		return want
	}
	for procType, n := range s.app.Structure {
		if n > 0 && (len(s.build.Procfile) == 0 || hasType(s.build.Procfile, procType)) {
			want[procType] = cmp.Or(s.minimum(procType), n)
		}
	}
	return want
}

// minimum is that of the type's autoscaler, 0 if there is none or it does not matter.
func (s *snapshot) minimum(procType string) int {
	if s.settings == nil {
		return 0
	}
	return s.settings.Autoscale[procType].Min
}

// has reports whether the app is scaled to n of a type. A v1.6 Controller can have destroyed some, and kept the number.
func (s *snapshot) has(procType string, n int) bool {
	return s.app.Structure[procType] == n && (s.api.Major >= 2 || s.live(procType) >= n)
}

// isShort reports whether pods are missing that no change of the plan's numbers explains.
func (r *run) isShort(s *snapshot) bool {
	for procType, n := range s.wanted() {
		if planned, named := r.plan.Scale[procType]; s.live(procType) < n && (!named || planned == s.app.Structure[procType]) {
			return true
		}
	}
	return false
}

// describe says how far the wanted pods are, and the states of those that are not up.
func (s *snapshot) describe() string {
	return pods.Describe(slices.DeleteFunc(slices.Clone(s.pods), func(p pods.Pod) bool { return !s.isCurrent(p) }), s.wanted())
}

// isCurrent reports whether a pod is one of the current release.
func (s *snapshot) isCurrent(p pods.Pod) bool {
	return p.Release == "v"+strconv.Itoa(s.current.Version)
}

// down are the pods of the current release that are not up, of the types that shall run.
func (s *snapshot) down() []pods.Pod {
	want := s.wanted()
	return slices.DeleteFunc(slices.Clone(s.pods), func(p pods.Pod) bool {
		return p.Up() || want[p.Type] == 0 || !s.isCurrent(p)
	})
}
