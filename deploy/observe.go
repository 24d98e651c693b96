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

// A snapshot is one observation of an app. Every part of it was read and validated. If there is no app, only api is set.
type snapshot struct {
	api      version.API
	app      *apps.App
	pods     []pods.Pod
	releases []releases.Release // newest first, back to the one that ran at the start
	newest   releases.Release   // the newest that is not known to have failed
	current  releases.Release   // the one that runs: the newest, unless a v1.6 Controller kept a failed one
	build    builds.Build       // of the current release, if it has one
	config   parts              // of the newest release
	configID string             // its UUID
	domains  []string           // if they matter; see readDomains
	settings *settings.Settings // if they matter; see readSettings
}

// errMoved means that an app changed between the requests of one observation.
var errMoved = errors.New("deis: the app changed while it was being read")

// baseline returns the app as it was before the first change, or nil if nothing was sent yet.
func (r *run) baseline() *snapshot {
	if len(r.sent) == 0 {
		return nil
	}
	return r.before
}

// observe reads the app. The last observation before the first change becomes the baseline.
func (r *run) observe(ctx context.Context) (s *snapshot, err error) {
	s = new(snapshot)
	if s.api, err = r.client.Negotiate(ctx); err != nil {
		return nil, err
	}
	what, need := r.plan.needs()
	if err := r.client.REST().Require(ctx, what, need); err != nil {
		return nil, err
	}
	err = limited(ctx, s, func(ctx context.Context, s *snapshot) (err error) {
		s.app, err = r.client.Apps.Get(ctx, r.plan.App)
		return err
	})
	create := lastOf(r.sent, StepCreate)
	switch {
	case errors.Is(err, deis.ErrNotFound) && (r.baseline() != nil || create != nil && create.err == nil):
		return nil, fmt.Errorf("%w: the app is gone: %w", ErrSuperseded, err)
	case errors.Is(err, deis.ErrNotFound) && r.plan.Create:
		return s, nil
	case err != nil:
		return nil, err
	case r.baseline() != nil && s.app.UUID != r.before.app.UUID:
		return nil, fmt.Errorf("%w: the app was deleted and created again", ErrSuperseded)
	}
	for _, read := range []func(context.Context, *snapshot) error{r.readPods, r.readReleases, r.readConfig, r.readBuilds, r.readDomains, r.readSettings} {
		if err := limited(ctx, s, read); err != nil {
			return nil, err
		}
	}
	if r.baseline() == nil {
		r.before = s
		for _, release := range s.releases {
			r.seen[release.UUID] = true
		}
	}
	return s, nil
}

// limited reads a part of a snapshot, within a time that a Controller never needs.
func limited(ctx context.Context, s *snapshot, read func(context.Context, *snapshot) error) error {
	ctx, cancel := rest.WithTimeout(ctx, readTime)
	defer cancel()
	return read(ctx, s)
}

func (r *run) readPods(ctx context.Context, s *snapshot) (err error) {
	s.pods, err = rest.Collect(r.client.Pods.All(ctx, r.plan.App, pods.ListOptions{}))
	return err
}

// readReleases reads the releases back to the one that runs, and to the one that ran before.
func (r *run) readReleases(ctx context.Context, s *snapshot) error {
	for release, err := range r.client.Releases.All(ctx, r.plan.App, releases.ListOptions{PageSize: 10}) {
		if err != nil {
			return err
		}
		s.releases = append(s.releases, release)
		if s.findCurrent(); s.current.UUID != "" && (r.baseline() == nil || release.Version <= r.before.current.Version) {
			break
		}
	}
	if s.current.UUID != s.newest.UUID { // perhaps only because the pods were read first
		if err := r.readPods(ctx, s); err != nil {
			return err
		}
		s.findCurrent()
	}
	switch {
	case s.current.UUID == "":
		return errMoved
	case r.baseline() != nil && !slices.ContainsFunc(s.releases, func(l releases.Release) bool { return l.UUID == r.before.current.UUID }):
		return fmt.Errorf("%w: release v%d is gone", ErrSuperseded, r.before.current.Version)
	}
	return nil
}

// findCurrent finds the release that runs, as releases.Service.Current does, and the newest that is not known to have
// failed.
func (s *snapshot) findCurrent() {
	up := make(map[string]bool)
	for _, p := range s.pods {
		if s.api.Major == 1 && p.Up() {
			up[p.Release] = true
		}
	}
	s.newest, s.current = releases.Release{}, releases.Release{}
	for _, release := range s.releases {
		if s.newest.UUID == "" && release.MayRun(nil) {
			s.newest = release
		}
		if s.current.UUID == "" && release.MayRun(up) {
			s.current = release
		}
	}
}

// readConfig reads the config of the newest release. A config never changes, so it is read once.
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

// readBuilds reads the builds of the current release and of new releases.
func (r *run) readBuilds(ctx context.Context, s *snapshot) error {
	unknown := func() bool {
		return slices.ContainsFunc(s.releases, func(l releases.Release) bool {
			_, known := r.builds[l.Build]
			return l.Build != "" && !known && !l.Failed && (!r.seen[l.UUID] || l.UUID == s.current.UUID)
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

// readDomains reads the domains if the plan has some, and before a first build in 2.x: an app that was created only in part
// lacks the domain of its own name.
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

// readSettings reads the settings if the plan has some, and if an autoscaler could be the reason for missing pods.
func (r *run) readSettings(ctx context.Context, s *snapshot) (err error) {
	if r.plan.hasSettings() || s.api.AtLeast(version.V2_3) && r.lacksPods(s) {
		s.settings, err = r.client.Settings.Get(ctx, r.plan.App)
	}
	return err
}

// take makes a snapshot the last observation. It finds out who has changed the app since the one before: this run or
// somebody else. The error matches ErrSuperseded if somebody else made a release. Failed releases changed nothing, so they
// do not count.
func (r *run) take(s *snapshot) (foreign error) {
	if len(r.sent) > 0 && r.now.app != nil {
		r.takeNumbers(s)
	}
	r.now = s
	for _, release := range slices.Backward(s.releases) {
		if r.seen[release.UUID] || release.Failed {
			continue
		}
		r.seen[release.UUID] = true
		i := slices.IndexFunc(r.sent, func(a *action) bool {
			return a.outcome != refused && a.release == nil && a.isRelease != nil && a.isRelease(s, release)
		})
		if i >= 0 {
			r.sent[i].release = &release
		} else if foreign == nil {
			foreign = fmt.Errorf("%w: release v%d is not of this run", ErrSuperseded, release.Version)
		}
	}
	r.superseded = cmp.Or(r.superseded, foreign)
	return foreign
}

// takeNumbers notes the numbers of pods that others have set: those that no action of this run sets, which can show later
// than the rest of its work.
func (r *run) takeNumbers(s *snapshot) {
	for procType := range merged(r.now.app.Structure, s.app.Structure) {
		n := s.app.Structure[procType]
		isOurs := func(a *action) bool { return a.sets != nil && a.sets(procType, n) }
		if n != r.now.app.Structure[procType] && !slices.ContainsFunc(r.sent, isOurs) {
			r.theirs[procType] = n
		}
	}
}

// live counts the current release's pods of a type, less those that are stopping or have stopped.
func (s *snapshot) live(procType string) int {
	return s.count(procType, func(p pods.Pod) bool { return !p.Ending() })
}

// count counts the current release's pods of a type.
func (s *snapshot) count(procType string, counts func(pods.Pod) bool) (n int) {
	for _, p := range s.podsOf(procType) {
		if s.isCurrent(p) && counts(p) {
			n++
		}
	}
	return n
}

func (s *snapshot) podsOf(procType string) []pods.Pod {
	return slices.DeleteFunc(slices.Clone(s.pods), func(p pods.Pod) bool { return p.Type != procType })
}

// wanted returns how many pods of each type should be up: for the types that the build has, the number that the app is scaled
// to, or the minimum of an autoscaler.
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

// minimum returns the minimum of a type's autoscaler, or 0 if the type has none or the settings were not read.
func (s *snapshot) minimum(procType string) int {
	if s.settings == nil {
		return 0
	}
	return s.settings.Autoscale[procType].Min
}

// has reports whether the app is scaled to n of a type. A v1.6 Controller may have destroyed
// some of the pods and kept the number.
func (s *snapshot) has(procType string, n int) bool {
	return s.app.Structure[procType] == n && (s.api.Major >= 2 || s.live(procType) >= n)
}

// lacksPods reports whether pods are missing although the number of their type is not about to change.
func (r *run) lacksPods(s *snapshot) bool {
	for procType, n := range s.wanted() {
		planned, named := r.plan.Scale[procType]
		if s.live(procType) < n && (r.forwardCount > 0 || !named || planned == s.app.Structure[procType]) {
			return true
		}
	}
	return false
}

// describe returns how many of the wanted pods are up, and the states of the others.
func (s *snapshot) describe() string {
	return pods.Describe(s.currentPods(), s.wanted())
}

// currentPods returns the current release's pods.
func (s *snapshot) currentPods() []pods.Pod {
	return slices.DeleteFunc(slices.Clone(s.pods), func(p pods.Pod) bool { return !s.isCurrent(p) })
}

// isCurrent reports whether a pod belongs to the current release.
func (s *snapshot) isCurrent(p pods.Pod) bool {
	return p.Release == "v"+strconv.Itoa(s.current.Version)
}

// down returns the current release's pods that are not up, of the types that should run.
func (s *snapshot) down() []pods.Pod {
	want := s.wanted()
	return slices.DeleteFunc(s.currentPods(), func(p pods.Pod) bool { return p.Up() || want[p.Type] == 0 })
}
