// Package releases reads an app's releases and rolls back to them. Each build, config change and rollback makes one.
//
//	current, err := client.Releases.Current(ctx, "example-go")
//	…
//	made, err := client.Releases.Rollback(ctx, "example-go", current.Version-1)
//
// Document: "Releases" in both API documents. In API 2.3 a release can have failed.
package releases

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/deisgo/deis/rest"
)

// Service manages releases. Use it as Client.Releases; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Releases.
func New(client *rest.Client) *Service { return &Service{client} }

// A Release is a build and a config together, as an app ran or runs them.
type Release struct {
	App     string    `json:"app" deis:"apps,part"`
	Owner   string    `json:"owner"`                  // who made it
	Version int       `json:"version" deis:"version"` // counts from 1
	Summary string    `json:"summary"`                // "test deployed 060da68"
	Build   string    `json:"build"`                  // the build's UUID; "" where there is none: before the first build, and after a rollback to that in v1.6
	Config  string    `json:"config"`                 // the config's UUID
	UUID    string    `json:"uuid" deis:"uuid,part"`
	Created rest.Time `json:"created"`
	Updated rest.Time `json:"updated"`

	// These are 2.3 only. Controllers before Workflow v2.7 delete a release that failed.
	Failed    bool   `json:"failed"`    // the release was made, but its deploy failed: the app runs an older one
	Exception string `json:"exception"` // why it failed; servers since Workflow v2.19
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// Reasons for failure. Match them with errors.Is.
var (
	// ErrInitial says that there is nothing to roll back to: the app's first release has no build. A v1.6 Controller
	// rolls back to version 1 all the same, when it is named.
	ErrInitial error = &rest.Reason{
		Message: "the initial release cannot be rolled back to",
		Status:  400,
		Wordings: []rest.Wording{
			{Text: "Cannot roll back to initial release"},
			{Text: "version cannot be below 0"}, // the release before the first
		},
	}
	// ErrFailed says that the release to roll back to failed when it was made. 2.3 only.
	ErrFailed error = &rest.Reason{
		Message:  "a release that failed cannot be rolled back to",
		Status:   400,
		Wordings: []rest.Wording{{Text: "Cannot roll back to failed release"}},
	}
)

// List returns one page of an app's releases, newest first.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{app}/releases/
func (s *Service) List(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) (*rest.Page[Release], error) {
	return rest.List[Release](ctx, s.client, rest.Path("apps", app, "releases"), o, opts...)
}

// All ranges over an app's releases, newest first; see rest.All.
func (s *Service) All(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) iter.Seq2[Release, error] {
	return rest.All[Release](ctx, s.client, rest.Path("apps", app, "releases"), o, opts...)
}

// Get returns one release; versions count from 1. Real v1.6 Controllers respond with 500 if there is no such version.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{app}/releases/v{version}/
func (s *Service) Get(ctx context.Context, app string, version int, opts ...rest.CallOption) (*Release, error) {
	return rest.Get[Release](ctx, s.client, rest.Path("apps", app, "releases", "v"+strconv.Itoa(version)), opts...)
}

// Current returns the release that the app runs: the newest that has not failed. A v1.6 Controller can keep the release
// of a failed deploy and does not mark it, so there it is the newest whose containers are up or, where none are, the
// newest. While a deploy is under way, Current is what it deploys.
func (s *Service) Current(ctx context.Context, app string, opts ...rest.CallOption) (*Release, error) {
	current, _, err := s.current(ctx, app, opts)
	return current, err
}

// current also reports whether the current release is the newest.
func (s *Service) current(ctx context.Context, app string, opts []rest.CallOption) (current *Release, newest bool, err error) {
	at := rest.Path("apps", app, "containers")
	if at.Err() != nil {
		return nil, false, at.Err()
	}
	api, err := s.client.Negotiate(ctx)
	if err != nil {
		return nil, false, err
	}
	runs := func(r Release) bool { return !r.Failed }
	if api.Major == 1 {
		up := make(map[string]bool) // releases with a container that is up
		for c, err := range rest.All[container](ctx, s.client, at, rest.ListOptions{}, opts...) {
			if err != nil {
				return nil, false, err
			}
			if c.State == "up" {
				up[c.Release] = true
			}
		}
		if len(up) > 0 {
			runs = func(r Release) bool { return up["v"+strconv.Itoa(r.Version)] }
		}
	}
	newest = true
	for r, err := range s.All(ctx, app, few, opts...) {
		switch {
		case err != nil:
			return nil, false, err
		case runs(r):
			return &r, newest, nil
		}
		newest = false
	}
	return nil, false, fmt.Errorf("deis: app %s has no release that it could run", app)
}

// A container is what a v1.6 Controller says of a process, as far as it matters here.
type container struct {
	Type    string `json:"type" deis:"type"`
	Release string `json:"release"`
	State   string `json:"state"`
}

// few releases make a page: what is looked for is nearly always among the first.
var few = ListOptions{PageSize: 10}

// Rollback makes a new release with the build and config of an old one, and returns the new release's version. The
// error matches ErrFailed if that one failed. A version that is unknown is 500 in v1.6 and 400 in 2.x; one without a
// build, made before the first deploy, is 400 in 2.x and can leave a failed release behind.
//
// If version is 0, Rollback undoes the newest release. It looks which that is, and names the one to roll back to itself:
// the Current one if the newest failed, which brings back pods that the failed deploy has taken away; otherwise the one
// before it that has not failed. So it never undoes a good change after a failed one, as 2.3 Controllers do when they are
// asked without a version. The error matches ErrInitial, and nothing is rolled back, if none before has a build. Where the
// Controller deletes a release that failed (2.2, and servers before Workflow v2.7), the newest one is good, and 0 undoes
// it: note the number before a deploy, and roll back to that. Package deploy does so.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{app}/releases/rollback/
func (s *Service) Rollback(ctx context.Context, app string, version int, opts ...rest.CallOption) (int, error) {
	if version < 0 {
		return 0, rest.InvalidArgument("version", "must not be negative")
	}
	if version == 0 {
		var err error
		if version, err = s.previous(ctx, app, opts); err != nil {
			return 0, err
		}
	}
	made, err := rest.Post[rollback](ctx, s.client, rest.Path("apps", app, "releases", "rollback"), rollback{version}, opts...)
	if err != nil {
		return 0, err
	}
	return made.Version, nil
}

// A rollback is the request and the response.
type rollback struct {
	Version int `json:"version" deis:"version"`
}

// previous returns the release to roll back to if the newest one is to be undone.
func (s *Service) previous(ctx context.Context, app string, opts []rest.CallOption) (int, error) {
	current, newest, err := s.current(ctx, app, opts)
	switch {
	case err != nil:
		return 0, err
	case !newest:
		return current.Version, nil
	}
	for r, err := range s.All(ctx, app, few, opts...) {
		switch {
		case err != nil:
			return 0, err
		case r.Version < current.Version && !r.Failed && r.Build != "":
			return r.Version, nil
		}
	}
	return 0, fmt.Errorf("%w: app %s has no release with a build before v%d", ErrInitial, app, current.Version)
}
