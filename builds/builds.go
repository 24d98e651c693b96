// Package builds deploys images to apps: each build makes a release.
//
// Document: "Builds" in both API documents.
package builds

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"unicode"

	"github.com/deisgo/deis/rest"
)

// Service manages builds. Use it as Client.Builds; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Builds.
func New(client *rest.Client) *Service { return &Service{client} }

// A Build is an image that an app was deployed with.
type Build struct {
	App        string            `json:"app"`
	Owner      string            `json:"owner"` // who deployed it
	Image      string            `json:"image"`
	SHA        string            `json:"sha"`        // the commit that it was built from, if any
	Dockerfile string            `json:"dockerfile"` // if it was built from one
	Procfile   map[string]string `json:"procfile"`   // process types and their commands
	UUID       string            `json:"uuid"`
	Created    rest.Time         `json:"created"`
	Updated    rest.Time         `json:"updated"`

	// Release is the number of the release that Create made. v1.6 only, and 0 in lists: 2.x Controllers do not say it.
	Release int `json:"-"`
}

// UnmarshalJSON leaves out the commands of a Procfile that are not text. Real Controllers before v2.7 store a Procfile as any
// client sent it, and one odd build must not make a list unreadable.
func (b *Build) UnmarshalJSON(data []byte) error {
	type plain Build
	if json.Unmarshal(data, (*plain)(b)) == nil { // as nearly always
		return nil
	}
	*b = Build{}
	odd := struct {
		*plain
		Procfile json.RawMessage `json:"procfile"`
	}{plain: (*plain)(b)}
	if err := json.Unmarshal(data, &odd); err != nil {
		return err
	}
	var commands map[string]any
	if json.Unmarshal(odd.Procfile, &commands) != nil { // not even an object
		return nil
	}
	b.Procfile = make(map[string]string)
	for procType, command := range commands {
		if text, ok := command.(string); ok {
			b.Procfile[procType] = text
		}
	}
	return nil
}

// CreateParams describe a new build.
type CreateParams struct {
	Image      string            `json:"image"` // what to deploy, "registry/name:tag"; needed
	SHA        string            `json:"sha,omitempty"`
	Dockerfile string            `json:"dockerfile,omitempty"`
	Procfile   map[string]string `json:"procfile,omitempty"` // process types and their commands
}

// Check returns what is wrong with the parameters, or nil; Create does so by itself.
func (p CreateParams) Check() error {
	if p.Image == "" || strings.ContainsFunc(p.Image, unicode.IsSpace) {
		return rest.InvalidArgument(fmt.Sprintf("image %.100q", p.Image), "must be a name without blanks, as registry/name:tag")
	}
	return nil
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// List returns one page of an app's builds, newest first.
//
//deis:operation v1.6,v2.2 GET /apps/{app}/builds/
func (s *Service) List(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) (*rest.Page[Build], error) {
	return rest.List[Build](ctx, s.client, rest.Path("apps", app, "builds"), o, opts...)
}

// All ranges over an app's builds, newest first; see rest.All.
func (s *Service) All(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) iter.Seq2[Build, error] {
	return rest.All[Build](ctx, s.client, rest.Path("apps", app, "builds"), o, opts...)
}

// Create deploys an image: it makes a build and a release, and replaces the app's processes. It returns when they run,
// which takes seconds, or up to a minute for a deploy that fails: then v1.6 Controllers answer 503, and 2.2 Controllers
// 400. Real Controllers keep the failed build in the list, and some failures leave a release behind, others none: to go
// back, note the newest release before, and roll back to its number if there is a newer one. Package deploy does so.
//
// An app's first build starts one process by itself: "cmd" if SHA is empty, whatever the Procfile names, and "web" if
// both SHA and a "web" line are given (real Controllers of both versions).
//
//deis:operation v1.6,v2.2 POST /apps/{app}/builds/
func (s *Service) Create(ctx context.Context, app string, p CreateParams, opts ...rest.CallOption) (*Build, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	var resp rest.Response
	opts = append(opts[:len(opts):len(opts)], rest.WithResponse(&resp))
	build, err := rest.Post[Build](ctx, s.client, rest.Path("apps", app, "builds"), p, opts...)
	if err != nil {
		return nil, err
	}
	build.Release = resp.Release()
	return build, nil
}
