// Package builds deploys images to apps: each build makes a release.
//
//	build, err := client.Builds.Create(ctx, "example-go", builds.CreateParams{
//		Image: "registry.example.com/example-go:v2", Procfile: map[string]string{"web": "./serve"},
//	})
//
// Document: "Builds" in both API documents. Package deploy brings an app to a build, its config and its numbers of
// processes in one call, and back if that fails.
package builds

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages builds. Use it as Client.Builds; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Builds.
func New(client *rest.Client) *Service { return &Service{client} }

// A Build is an image that an app was deployed with.
type Build struct {
	App        string            `json:"app" deis:"apps,part"`
	Owner      string            `json:"owner"` // who deployed it
	Image      string            `json:"image"`
	SHA        string            `json:"sha"`                   // the commit that it was built from, if any
	Dockerfile string            `json:"dockerfile"`            // if it was built from one
	Procfile   map[string]string `json:"procfile" deis:"loose"` // process types and their commands
	UUID       string            `json:"uuid" deis:"builds"`
	Created    rest.Time         `json:"created"`
	Updated    rest.Time         `json:"updated"`

	// Release is the number of the release that Create made. v1.6 only, and 0 in lists: 2.x Controllers do not say it.
	Release int `json:"-"`
}

// CreateParams describe a new build.
type CreateParams struct {
	Image      string            `json:"image"` // what to deploy, "registry/name:tag"; needed
	SHA        string            `json:"sha,omitempty"`
	Dockerfile string            `json:"dockerfile,omitempty"`
	Procfile   map[string]string `json:"procfile,omitempty"` // process types and their commands
}

// Check returns what is wrong with the parameters, or nil; Create does so by itself. It refuses process types that no
// path can name: real Controllers store them, and such a type could never be listed, scaled or restarted.
func (p CreateParams) Check() error {
	if p.Image == "" || strings.ContainsFunc(p.Image, unicode.IsSpace) {
		return rest.InvalidArgument(fmt.Sprintf("image %.100q", p.Image), "must be a name without spaces, as registry/name:tag")
	}
	for _, procType := range slices.Sorted(maps.Keys(p.Procfile)) {
		if err := rest.Check("apps/*/pods/*", procType); err != nil {
			return err
		}
	}
	return nil
}

// ErrInProgress says that another deploy of the app has not ended, and that this one was not made; a 2.3 Controller keeps
// the failed release. Match it with errors.Is. 2.x only; see config.ErrInProgress, too.
var ErrInProgress error = &rest.Reason{
	Message:  "another deploy of the app is in progress",
	Status:   400,
	Wordings: []rest.Wording{{Text: "is already in progress"}},
}

// ErrNotLatest says that the Controller does not show the build: it shows only the latest that was deployed. Match it with
// errors.Is.
var ErrNotLatest = errors.New("deis: the build is not the latest that was deployed")

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// List returns one page of an app's builds, newest first.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{app}/builds/
func (s *Service) List(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) (*rest.Page[Build], error) {
	return rest.List[Build](ctx, s.client, rest.Path("apps", app, "builds"), o, opts...)
}

// All ranges over an app's builds, newest first; see rest.All.
func (s *Service) All(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) iter.Seq2[Build, error] {
	return rest.All[Build](ctx, s.client, rest.Path("apps", app, "builds"), o, opts...)
}

// Get returns a build by its UUID, if it is the latest that was deployed: real Controllers respond with that one whatever
// is asked for. For any other the error matches ErrNotLatest; List has them all. API 2.3 and newer: the error is a
// *version.UnsupportedError before.
//
//deis:operation v2.3 GET /apps/{app}/builds/{uuid}/
func (s *Service) Get(ctx context.Context, app, uuid string, opts ...rest.CallOption) (*Build, error) {
	at := rest.Path("apps", app, "builds", uuid)
	if err := s.client.RequireAt(ctx, at, "getting one build", version.V2_3); err != nil {
		return nil, err
	}
	found, err := rest.Get[latest](ctx, s.client, at, opts...)
	switch {
	case err != nil:
		return nil, err
	case !strings.EqualFold(found.build.UUID, uuid):
		return nil, fmt.Errorf("%w: asked for build %s of app %s, got %s", ErrNotLatest, uuid, app, cmp.Or(rest.Sanitize(found.build.UUID), "none"))
	}
	return &found.build, nil
}

// latest is a build, or an empty one where nothing was deployed yet.
type latest struct{ build Build }

func (l *latest) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &l.build) }

// Create deploys an image: it makes a build and a release, and replaces the app's processes. It returns when they run,
// which takes seconds, or up to a minute for a deploy that fails: then v1.6 Controllers respond with 503, and 2.x
// Controllers with 400. Real Controllers keep the failed build in the list, and some failures leave a release behind,
// others none: to go back, note releases.Service.Current before, and roll back to its number if there is a newer release.
// Package deploy does so.
//
// Send the whole Procfile each time. Real Controllers stop the process types that the latest build has and this one lacks,
// before they deploy it: a build without a Procfile stops the whole app and, if it fails, leaves it stopped. No rollback
// brings the processes back; pods.Service.Scale does.
//
// An app's first build starts one process by itself: "cmd" if SHA is empty, whatever the Procfile names, and "web" if
// both SHA and a "web" line are given; since Workflow v2.6 "web" also without SHA.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{app}/builds/
func (s *Service) Create(ctx context.Context, app string, p CreateParams, opts ...rest.CallOption) (*Build, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	var resp rest.Response
	opts = append(slices.Clone(opts), rest.WithResponse(&resp))
	build, err := rest.Post[Build](ctx, s.client, rest.Path("apps", app, "builds"), p, opts...)
	if err != nil {
		return nil, err
	}
	build.Release = resp.Release()
	return build, nil
}
