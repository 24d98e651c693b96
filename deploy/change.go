package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/releases"
)

const (
	// settleTime is how long a change whose answer was lost is looked for, and how long a Controller may be down. Real
	// Controllers take a minute to give up a deploy that fails.
	settleTime = 90 * time.Second
	// maxPause is how long it takes at most until the next look.
	maxPause = time.Second
)

// A change is a request that makes a release.
type change struct {
	step Step
	send func() (uuid string, err error)                       // of the build or the config that it made, if any
	made func(context.Context, releases.Release) (bool, error) // recognises its release without an answer
	done func()                                                // is called when it is known to be carried out

	pending bool // its answer was lost, and the context ended before it was looked for long enough
}

// change makes a release, and finds it. If the answer is lost, it looks for as long as the change can take; if there is
// nothing by then, the error is the one that the change came with.
func (r *run) change(ctx context.Context, c change) error {
	r.touched = true
	uuid, err := resend(c.send)
	if err != nil && !mayBeDone(err) {
		return err
	}
	if uuid != "" {
		c.made = func(_ context.Context, release releases.Release) (bool, error) {
			return release.Build == uuid || release.Config == uuid, nil
		}
	}
	r.last = c
	switch {
	case err == nil:
		c.done()
		found, err := r.find(ctx)
		if err == nil && !found {
			err = fmt.Errorf("deis: app %s has no release of the change after v%d", r.plan.App, r.result.Release)
		}
		return err
	case !answerLost(err):
		return err
	}
	r.tell(c.step, "no answer; looking at the releases")
	if r.settle(ctx) {
		r.guessed = true
		return nil
	}
	r.last.pending = ctx.Err() != nil
	return err
}

// settle looks for the release of the change that was sent last, for as long as the change can take.
func (r *run) settle(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for {
		if found, _ := r.find(ctx); found {
			return true
		}
		if !r.pause(ctx) {
			return false
		}
	}
}

// resend sends a write, and again if the Controller was upgraded: then it did not know the path, so that nothing was done,
// and the next call negotiates anew.
func resend[T any](write func() (T, error)) (T, error) {
	answer, err := write()
	if errors.Is(err, deis.ErrUpgraded) {
		return write()
	}
	return answer, err
}

// find looks for the release of the change that was sent last, among those that are not known yet.
func (r *run) find(ctx context.Context) (bool, error) {
	if r.last.made == nil {
		return false, nil
	}
	since, err := r.since(ctx)
	if err != nil {
		return false, err
	}
	for _, release := range slices.Backward(since) { // the oldest first: those after it keep what it changed
		made, err := r.last.made(ctx, release)
		if err != nil {
			return false, err
		}
		if made {
			r.mine = append(r.mine, release)
			r.result.Release = release.Version
			r.last.done()
			r.last = change{}
			return true, nil
		}
	}
	return false, nil
}

// mayBeDone reports whether a request that failed may have been carried out, in part at least.
func mayBeDone(err error) bool {
	var failed *deis.Error
	return errors.As(err, &failed) && failed.MayHaveActed()
}

// answerLost reports whether nobody knows what became of a request: the Controller has not said that it failed.
func answerLost(err error) bool {
	var failed *deis.Error
	return errors.As(err, &failed) && failed.MayHaveActed() && (!failed.FromController() || failed.StatusCode < 300)
}

// ask reads something, and again after a moment where the failure says nothing about it: the Controller was upgraded, or
// it cannot be reached while the app is being changed.
func ask[T any](ctx context.Context, r *run, read func() (T, error)) (T, error) {
	for start := time.Now(); ; {
		answer, err := read()
		var failed *deis.Error
		if !errors.As(err, &failed) || !failed.Temporary() || time.Since(start) >= settleTime {
			return answer, err
		}
		if !errors.Is(err, deis.ErrUpgraded) && !r.touched || !r.pause(ctx) {
			return answer, err
		}
	}
}

// pause waits until it is time to look again, and tells whether the context goes on.
func (r *run) pause(ctx context.Context) bool {
	select {
	case <-time.After(min(cmp.Or(r.plan.Interval, maxPause), maxPause)):
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *run) app(ctx context.Context) (*apps.App, error) {
	return ask(ctx, r, func() (*apps.App, error) { return r.client.Apps.Get(ctx, r.plan.App) })
}

func (r *run) config(ctx context.Context) (*config.Config, error) {
	return ask(ctx, r, func() (*config.Config, error) { return r.client.Config.Get(ctx, r.plan.App) })
}

// findNewest is the app's newest release.
func (r *run) findNewest(ctx context.Context) (releases.Release, error) {
	return ask(ctx, r, func() (releases.Release, error) {
		page, err := r.client.Releases.List(ctx, r.plan.App, releases.ListOptions{PageSize: 1})
		switch {
		case err != nil:
			return releases.Release{}, err
		case len(page.Items) == 0:
			return releases.Release{}, fmt.Errorf("deis: app %s has no release", r.plan.App)
		}
		return page.Items[0], nil
	})
}

// since lists the releases after the last one that is known, newest first.
func (r *run) since(ctx context.Context) ([]releases.Release, error) {
	return ask(ctx, r, func() ([]releases.Release, error) {
		var since []releases.Release
		for release, err := range r.client.Releases.All(ctx, r.plan.App, releases.ListOptions{}) {
			if err != nil || release.Version <= r.result.Release {
				return since, err
			}
			since = append(since, release)
		}
		return since, nil
	})
}

// findBuild finds the build of a UUID; without a UUID, or a build, it is the zero Build.
func (r *run) findBuild(ctx context.Context, uuid string) (builds.Build, error) {
	if uuid == "" {
		return builds.Build{}, nil
	}
	return ask(ctx, r, func() (builds.Build, error) {
		for build, err := range r.client.Builds.All(ctx, r.plan.App, builds.ListOptions{}) {
			if err != nil || build.UUID == uuid {
				return build, err
			}
		}
		return builds.Build{}, nil
	})
}
