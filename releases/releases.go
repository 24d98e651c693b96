// Package releases reads an app's releases and rolls back to them.
//
//	good, err := client.Releases.Current(ctx, "example-go")
//	… // a deploy that turns out to be bad
//	made, err := client.Releases.Rollback(ctx, "example-go", good.Version)
//
// Each build, config change and rollback makes a release. API documents: "Releases". In API 2.3 a release can be marked
// as failed.
package releases

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/deisgo/deis/rest"
)

// Service manages releases. Use it as Client.Releases; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a Service that uses client. Programs use Client.Releases.
func New(client *rest.Client) *Service { return &Service{client} }

// A Release is a build with a config that the app runs or has run, unless its deploy failed.
type Release struct {
	App     string    `json:"app" deis:"apps,part"`
	Owner   string    `json:"owner"`                  // who made it
	Version int       `json:"version" deis:"version"` // counts from 1
	Summary string    `json:"summary"`                // "test deployed 060da68"
	Build   string    `json:"build"`                  // the build's UUID; "" before the first build and, in v1.6, after a rollback to version 1
	Config  string    `json:"config"`                 // the config's UUID
	UUID    string    `json:"uuid" deis:"uuid,part"`
	Created rest.Time `json:"created"`
	Updated rest.Time `json:"updated"`

	// These fields are 2.3 only. Real Controllers before Workflow v2.7 delete a release that failed.
	Failed    bool   `json:"failed"`    // its deploy failed: the app runs an older release
	Exception string `json:"exception"` // why it failed; servers since Workflow v2.19
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// Reasons for failure. Match them with errors.Is.
var (
	// ErrInitial means that there is nothing to roll back to: the app's first release has no build. A v1.6 Controller
	// does roll back to version 1 if asked to.
	ErrInitial error = &rest.Reason{
		Message: "the initial release cannot be rolled back to",
		Status:  400,
		Wordings: []rest.Wording{
			{Text: "Cannot roll back to initial release"},
			{Text: "version cannot be below 0"}, // the release before the first
		},
	}
	// ErrFailed means that the deploy of the release to roll back to failed. 2.3 only.
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

// Get returns one release; versions count from 1. If there is no such version, real v1.6 Controllers respond with 500.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{app}/releases/v{version}/
func (s *Service) Get(ctx context.Context, app string, version int, opts ...rest.CallOption) (*Release, error) {
	return rest.Get[Release](ctx, s.client, rest.Path("apps", app, "releases", "v"+strconv.Itoa(version)), opts...)
}

// MayRun reports whether a release can be the one that an app runs: the newest for which it is true is. v1.6 Controllers do
// not mark failed releases. For them, up has the releases, "v2", with a container that is up; otherwise it is empty.
func (r Release) MayRun(up map[string]bool) bool {
	return !r.Failed && (len(up) == 0 || up["v"+strconv.Itoa(r.Version)])
}

// Current returns the release that the app runs: the newest one that has not failed. A v1.6 Controller can keep the
// release of a failed deploy without marking it, so in v1.6 Current returns the newest release with a container that is
// up or, if no container is up, the newest release. While a deploy is under way, that can be the release that it
// deploys.
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
	up := make(map[string]bool)
	if api.Major == 1 {
		for c, err := range rest.All[container](ctx, s.client, at, rest.ListOptions{}, opts...) {
			if err != nil {
				return nil, false, err
			}
			if c.State == "up" {
				up[c.Release] = true
			}
		}
	}
	newest = true
	for r, err := range s.All(ctx, app, few, opts...) {
		switch {
		case err != nil:
			return nil, false, err
		case r.MayRun(up):
			return &r, newest, nil
		}
		newest = false
	}
	return nil, false, fmt.Errorf("deis: app %s has no release that it could run", app)
}

// A container has the fields of a v1.6 container that matter here.
type container struct {
	Type    string `json:"type" deis:"type"`
	Release string `json:"release"`
	State   string `json:"state"`
}

// few makes small pages: the release in question is nearly always among the newest.
var few = ListOptions{PageSize: 10}

// Rollback makes a new release with the build and config of an old one, and returns the new release's version. On real
// Controllers it takes 3 seconds or more.
//
// The error matches ErrFailed if the old release failed. If there is no such version, v1.6 Controllers respond with 500
// and 2.x Controllers with 400. If the release has no build, because it is older than the app's first build, or if the
// deploy fails, 2.x Controllers respond with 400, and those of 2.3 keep a failed release; v1.6 Controllers respond to a
// failed deploy with 503.
//
// Version 0 undoes the newest release. If the newest release failed, Rollback rolls back to the Current one, which
// restores pods that the failed deploy removed. Otherwise it rolls back to the newest release before it that has a build
// and has not failed. If there is none, nothing is rolled back and the error matches ErrInitial.
//
// So version 0 never undoes a good change after a failed one, as 2.3 Controllers do if the request has no version. But
// some Controllers delete failed releases (2.2, and 2.3 before Workflow v2.7). There, the newest release is a good one
// even after a failed deploy, and version 0 rolls that good release back. Note the current version before a deploy, and
// roll back to it; package deploy does that.
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
	made, err := rest.Post[rollback](ctx, s.client, rest.Path("apps", app, "releases", "rollback"), rollback{version}, append(slices.Clone(opts), rest.WithDeploy())...)
	if err != nil {
		return 0, err
	}
	return made.Version, nil
}

// A rollback is the body of both the request and the response.
type rollback struct {
	Version int `json:"version" deis:"version"`
}

// previous returns the version to roll back to in order to undo the newest release.
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
