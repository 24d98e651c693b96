// Package builds deploys images to apps: each build makes a release.
//
//	build, err := client.Builds.Create(ctx, "example-go", builds.CreateParams{
//		Image: "registry.example.com/example-go:v2", Procfile: map[string]string{"web": "./serve"},
//	})
//
// API documents: "Builds". Package deploy changes an app's build, config and numbers of processes in one call, and takes
// the changes back if one of them fails.
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

// New returns a Service that uses client. Programs use Client.Builds.
func New(client *rest.Client) *Service { return &Service{client} }

// A Build is an image that was deployed to an app.
type Build struct {
	App        string            `json:"app" deis:"apps,part"`
	Owner      string            `json:"owner"` // who deployed it
	Image      string            `json:"image"`
	SHA        string            `json:"sha"`                   // the commit that the image was built from, if any
	Dockerfile string            `json:"dockerfile"`            // the Dockerfile that the image was built from, if any
	Procfile   map[string]string `json:"procfile" deis:"loose"` // process types and their commands
	UUID       string            `json:"uuid" deis:"builds"`
	Created    rest.Time         `json:"created"`
	Updated    rest.Time         `json:"updated"`

	// Release is the number of the release that Create made. v1.6 only: it is 0 in 2.x, and in lists.
	Release int `json:"-"`
}

// CreateParams describe a new build.
type CreateParams struct {
	Image      string            `json:"image"`         // "registry/name:tag", required; at most 256 characters in v1.6
	SHA        string            `json:"sha,omitempty"` // at most 40 characters
	Dockerfile string            `json:"dockerfile,omitempty"`
	Procfile   map[string]string `json:"procfile,omitempty"` // process types and their commands; see Create
}

// Check returns what is wrong with the parameters, or nil. Create calls it. It refuses process types that cannot stand
// in a path: real Controllers before Workflow v2.7 store them, but such a type could never be listed, scaled or
// restarted.
func (p CreateParams) Check() error {
	if p.Image == "" || strings.ContainsFunc(p.Image, unicode.IsSpace) {
		return rest.InvalidArgument(fmt.Sprintf("image %.100q", p.Image), "must be a name without spaces, such as registry/name:tag")
	}
	for _, procType := range slices.Sorted(maps.Keys(p.Procfile)) {
		if err := rest.Check("apps/*/pods/*", procType); err != nil {
			return err
		}
	}
	return nil
}

// ErrInProgress means that another deploy of the app is still running, so that this one was not carried out; a 2.3
// Controller keeps its release, marked as failed. 2.x only. Match it with errors.Is. See also config.ErrInProgress.
var ErrInProgress error = &rest.Reason{
	Message:  "another deploy of the app is in progress",
	Status:   400,
	Wordings: []rest.Wording{{Text: "is already in progress"}},
}

// ErrNotLatest means that the build is not the latest one that was deployed, the only one that a Controller returns.
// Match it with errors.Is.
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

// Get returns a build by its UUID if it is the latest one that was deployed: real Controllers respond with that one to
// every UUID. For any other the error matches ErrNotLatest; List returns them all. API 2.3 and newer: in older versions
// the error is a *version.UnsupportedError.
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
		return nil, fmt.Errorf("%w: requested build %s of app %s, got %s", ErrNotLatest, uuid, app, cmp.Or(rest.Sanitize(found.build.UUID), "none"))
	}
	return &found.build, nil
}

// latest is a build, or an empty one where nothing was deployed yet.
type latest struct{ build Build }

func (l *latest) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &l.build) }

// Create deploys an image: it makes a build and a release, and replaces the app's processes. It returns when they run,
// after seconds. A deploy that fails takes up to a minute; v1.6 Controllers respond to it with 503, 2.x Controllers with
// 400. 2.3 Controllers also report success if pods are still not ready after their deploy timeout, 2 minutes or more by
// default: use pods.Service.WaitReady.
//
// After a failed deploy, real 2.2 Controllers keep neither the build nor the release. 2.3 Controllers since Workflow
// v2.7 keep both, and mark the release as failed. v1.6 Controllers keep the build, and sometimes the release. To be
// able to go back, note the version of releases.Service.Current before Create, and roll back to it if there is a newer
// release afterwards. Package deploy does that.
//
// Send the whole Procfile each time. Before they deploy, real Controllers stop the process types that the latest build
// has and this one lacks: a build without a Procfile stops the whole app and, if it fails, leaves it stopped. A
// rollback does not start those processes again; pods.Service.Scale does.
//
// An app's first build starts one process: "web" if SHA is set and the Procfile has a "web" line, otherwise "cmd". Since
// Workflow v2.6 it is "web" also without SHA.
//
// Since Workflow v2.7 process types consist of a-z and 0-9, with single hyphens between them since v2.13; since v2.20 no
// command may be empty.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{app}/builds/
func (s *Service) Create(ctx context.Context, app string, p CreateParams, opts ...rest.CallOption) (*Build, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	var resp rest.Response
	opts = append(slices.Clone(opts), rest.WithResponse(&resp), rest.WithDeploy())
	build, err := rest.Post[Build](ctx, s.client, rest.Path("apps", app, "builds"), p, opts...)
	if err != nil {
		return nil, err
	}
	build.Release = resp.Release()
	return build, nil
}
