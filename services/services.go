// Package services routes paths of an app's domains to its process types, so that one type can serve "/api" and another
// one "/".
//
//	err := client.Services.Create(ctx, "example-go", services.CreateParams{ProcfileType: "api", PathPattern: "/api/.*"})
//	routes, err := client.Services.List(ctx, "example-go")
//	err = client.Services.Delete(ctx, "example-go", "api")
//
// API 2.3 only: on an older Controller every method returns a *version.UnsupportedError and sends nothing. Of the 2.3
// servers only those since Workflow v2.20 have services, and their version does not show it. On older ones every method
// fails and changes nothing: on Workflow v2.5 and v2.6 the error matches errors.ErrUnsupported, on v2.7 to v2.19 it
// matches rest.ErrNotFound. The API documents do not describe services; the methods follow recordings of a real
// Controller.
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

// New returns a Service that uses client. Programs use Client.Services.
func New(client *rest.Client) *Service { return &Service{client} }

// A Route says which paths a process type serves.
type Route struct {
	ProcfileType string `json:"procfile_type"` // the process type
	PathPattern  string `json:"path_pattern"`  // regular expressions, separated by commas
}

// CreateParams describe a service. Both fields are required.
type CreateParams struct {
	ProcfileType string `json:"procfile_type"` // the process type; real Controllers accept one that the app does not have
	PathPattern  string `json:"path_pattern"`  // regular expressions, separated by commas: "/api/.*,/v2/.*"
}

// List returns which paths are routed to which process types of an app. The list is not paginated.
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

// A list is {"services": […]}. A Controller before Workflow v2.7 reads the path as that of the app, and responds with
// the app.
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

// Create routes paths of an app's domains to a process type. They replace the paths that were routed to it before, if
// any. Creating the same service twice does no harm.
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
	if err == nil && resp.Status == http.StatusOK { // the Controller has no services and read this as an empty update of the app
		return unsupported(app)
	}
	return err
}

// Delete ends the routing of paths to a process type. The error matches rest.ErrNotFound if there is none. Only the
// owner and administrators may delete it.
//
// Delete lists the services first: a Controller before Workflow v2.7 does not know the path, and would destroy the app.
//
//deis:operation v2.3 DELETE /apps/{app}/services/
func (s *Service) Delete(ctx context.Context, app, procType string, opts ...rest.CallOption) error {
	at, err := s.path(ctx, app, procType)
	if err != nil {
		return err
	}
	look := rest.WithLook(func(ctx context.Context) error {
		_, err := s.List(ctx, app, append(slices.Clone(opts), rest.WithoutResponse())...)
		return err
	})
	return rest.Delete(ctx, s.client, at, append(slices.Clone(opts), look, rest.WithUnknownPath(), rest.WithBody(struct {
		ProcfileType string `json:"procfile_type"`
	}{procType}))...)
}

// path returns the path of an app's services, and checks the process type and the version.
func (s *Service) path(ctx context.Context, app, procType string) (rest.Endpoint, error) {
	at := rest.Path("apps", app, "services")
	if err := rest.Check("apps/*/pods/*", procType); err != nil {
		return at, err
	}
	return at, s.require(ctx, at)
}

// require refuses a Controller whose version does not have services.
func (s *Service) require(ctx context.Context, at rest.Endpoint) error {
	return s.client.RequireAt(ctx, at, "services", version.V2_3)
}
