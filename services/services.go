// Package services routes paths of an app's domains to its process types, so that "/api" can be served by another type
// than "/".
//
//	err := client.Services.Create(ctx, "example-go", services.CreateParams{ProcfileType: "api", PathPattern: "/api/.*"})
//	routes, err := client.Services.List(ctx, "example-go")
//	err = client.Services.Delete(ctx, "example-go", "api")
//
// API 2.3 only, and of its servers only those since Workflow v2.20, which a client cannot tell from others by their version:
// on an older Controller every method returns an error that matches errors.ErrUnsupported and changes nothing. The API
// documents do not have services; what the methods do was recorded on a real Controller.
package services

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages services. Use it as Client.Services; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Services.
func New(client *rest.Client) *Service { return &Service{client} }

// A Route says which paths a process type serves.
type Route struct {
	ProcfileType string `json:"procfile_type"` // the process type
	PathPattern  string `json:"path_pattern"`  // regular expressions with commas between them
}

// CreateParams describe a service. Both fields are needed.
type CreateParams struct {
	ProcfileType string `json:"procfile_type"` // the process type; real Controllers accept one that the app does not have
	PathPattern  string `json:"path_pattern"`  // regular expressions with commas between them: "/api/.*,/v2/.*"
}

// List returns which paths go to which process types of an app. The list has no pages.
//
//deis:operation v2.3 GET /apps/{app}/services/
func (s *Service) List(ctx context.Context, app string, opts ...rest.CallOption) ([]Route, error) {
	at := rest.Path("apps", app, "services")
	if err := s.require(ctx, at); err != nil {
		return nil, err
	}
	list, err := rest.Get[list](ctx, s.client, at, opts...)
	if err != nil {
		return nil, err
	}
	return list.Services, list.check(app)
}

// A list is {"services": […]}. A Controller before Workflow v2.7 responds with the app itself, because it takes the path for
// that of the app.
type list struct {
	Services []Route
	found    bool
}

func (l *list) UnmarshalJSON(data []byte) error {
	var object struct {
		Services *[]Route `json:"services"`
	}
	if err := json.Unmarshal(data, &object); err != nil || object.Services == nil {
		return err
	}
	if slices.ContainsFunc(*object.Services, func(r Route) bool { return r.ProcfileType == "" }) {
		return errors.New("one of the services has no procfile_type")
	}
	l.Services, l.found = *object.Services, true
	return nil
}

func (l *list) check(app string) error {
	if !l.found {
		return unsupported(app)
	}
	return nil
}

func unsupported(app string) error {
	return fmt.Errorf("deis: the Controller of app %s has no services, which came with Workflow v2.20: %w", app, errors.ErrUnsupported)
}

// Create routes paths of an app's domains to a process type, in place of those that went there before, if any. To do it
// twice does no harm.
//
//deis:operation v2.3 POST /apps/{app}/services/
func (s *Service) Create(ctx context.Context, app string, p CreateParams, opts ...rest.CallOption) error {
	if p.PathPattern == "" {
		return rest.InvalidArgument("path pattern", "must not be empty")
	}
	at, err := s.path(ctx, app, p.ProcfileType)
	if err != nil {
		return err
	}
	var resp rest.Response
	_, err = rest.Post[struct{}](ctx, s.client, at, p, append(slices.Clone(opts), rest.WithResponse(&resp))...)
	if err == nil && resp.Status == http.StatusOK { // a Controller without services has updated nothing of the app
		return unsupported(app)
	}
	return err
}

// Delete ends the routing of paths to a process type. The error matches rest.ErrNotFound if there is none. Only the
// owner and administrators may.
//
// It lists the services first: a Controller before Workflow v2.7 does not know the path, and would destroy the app.
//
//deis:operation v2.3 DELETE /apps/{app}/services/
func (s *Service) Delete(ctx context.Context, app, procType string, opts ...rest.CallOption) error {
	at, err := s.path(ctx, app, procType)
	if err != nil {
		return err
	}
	if _, err := s.List(ctx, app, append(slices.Clone(opts), rest.WithoutResponse())...); err != nil {
		return err
	}
	return rest.Delete(ctx, s.client, at, append(slices.Clone(opts), rest.WithUnknownPath(), rest.WithBody(struct {
		ProcfileType string `json:"procfile_type"`
	}{procType}))...)
}

// path checks the process type as well.
func (s *Service) path(ctx context.Context, app, procType string) (rest.Endpoint, error) {
	at := rest.Path("apps", app, "services")
	if err := rest.Check("apps/*/pods/*", procType); err != nil {
		return at, err
	}
	return at, s.require(ctx, at)
}

// require refuses what the Controller does not have.
func (s *Service) require(ctx context.Context, at rest.Endpoint) error {
	return s.client.RequireAt(ctx, at, "services", version.V2_3)
}
