// Package releases reads an app's releases and rolls back to them. Each build, config change and rollback makes one.
//
// Document: "Releases" in both API documents.
package releases

import (
	"context"
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
	App     string    `json:"app"`
	Owner   string    `json:"owner"`   // who made it
	Version int       `json:"version"` // counts from 1
	Summary string    `json:"summary"` // "test deployed 060da68"
	Build   string    `json:"build"`   // the build's UUID; "" where there is none: in version 1, and after a rollback to it in v1.6
	Config  string    `json:"config"`  // the config's UUID
	UUID    string    `json:"uuid"`
	Created rest.Time `json:"created"`
	Updated rest.Time `json:"updated"`
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// ErrInitial says that there is nothing to roll back to: the app's first release has no build. Match it with
// errors.Is. A v1.6 Controller rolls back to version 1 all the same, when asked for it by number.
var ErrInitial error = &rest.Reason{
	Message: "the initial release cannot be rolled back to",
	Status:  400,
	Wordings: []rest.Wording{
		{Text: "Cannot roll back to initial release"},
		{Text: "version cannot be below 0"}, // the release before the first
	},
}

// List returns one page of an app's releases, newest first.
//
//deis:operation v1.6,v2.2 GET /apps/{app}/releases/
func (s *Service) List(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) (*rest.Page[Release], error) {
	return rest.List[Release](ctx, s.client, rest.Path("apps", app, "releases"), o, opts...)
}

// All ranges over an app's releases, newest first; see rest.All.
func (s *Service) All(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) iter.Seq2[Release, error] {
	return rest.All[Release](ctx, s.client, rest.Path("apps", app, "releases"), o, opts...)
}

// Get returns one release; versions count from 1. Real v1.6 Controllers answer 500 if there is no such version.
//
//deis:operation v1.6,v2.2 GET /apps/{app}/releases/v{version}/
func (s *Service) Get(ctx context.Context, app string, version int, opts ...rest.CallOption) (*Release, error) {
	return rest.Get[Release](ctx, s.client, rest.Path("apps", app, "releases", "v"+strconv.Itoa(version)), opts...)
}

// Rollback makes a new release with the build and config of an old one, the one before the current if version is 0,
// and returns the new release's version. The error is ErrInitial if that is the first release, or if there is none
// before. A version that is unknown is 500 in v1.6 and 400 in 2.2; one without a build, made before the first deploy, is
// 400 in 2.2.
//
// After a deploy that failed, 0 can be one too many: it may have left no release behind, so that the current one is good.
// See builds.Service.Create.
//
//deis:operation v1.6,v2.2 POST /apps/{app}/releases/rollback/
func (s *Service) Rollback(ctx context.Context, app string, version int, opts ...rest.CallOption) (int, error) {
	if version < 0 {
		return 0, rest.InvalidArgument("version", "must not be negative")
	}
	answer, err := rest.Post[rollback](ctx, s.client, rest.Path("apps", app, "releases", "rollback"), rollback{version}, opts...)
	if err != nil {
		return 0, err
	}
	return answer.Version, nil
}

// A rollback is the request and the answer. Real 2.2 Controllers refuse a version of 0: none means the previous one.
type rollback struct {
	Version int `json:"version,omitempty"`
}
