// Package apps manages applications: it creates, transfers and destroys them, reads their logs and runs one-off commands
// in them.
//
//	app, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"})
//	…
//	log, err := client.Apps.Logs(ctx, app.ID, apps.LogOptions{Lines: 50})
//
// API documents: "Applications".
package apps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages apps. Use it as Client.Apps; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a Service that uses client. Programs use Client.Apps.
func New(client *rest.Client) *Service { return &Service{client} }

// An App is an application.
type App struct {
	ID        string         `json:"id" deis:"apps"`
	Owner     string         `json:"owner"`
	URL       string         `json:"url"`                    // the app's host name; real 2.x Controllers leave it out
	Structure map[string]int `json:"structure" deis:"loose"` // the requested number of processes of each type
	UUID      string         `json:"uuid" deis:"uuid,part"`
	Created   rest.Time      `json:"created"`
	Updated   rest.Time      `json:"updated"`

	// ProcfileStructure has the process types of the latest deployed build and their commands. After a first build
	// without a Procfile it has numbers in place of the commands. 2.3 only, on servers since Workflow v2.19.
	ProcfileStructure map[string]string `json:"procfile_structure" deis:"loose"`
}

// CreateParams describe a new app.
type CreateParams struct {
	// ID is the app's name: a-z, 0-9 and -. Real Controllers accept at most 64 characters in v1.6, 24 in 2.2, and 63
	// since Workflow v2.13. Since Workflow v2.10 it must begin with a letter and must not end in -. If ID is empty, the
	// Controller chooses one.
	ID string `json:"id,omitempty"`
}

// UpdateParams describe a change to an app.
type UpdateParams struct {
	Owner string `json:"owner"` // the new owner's username
}

// RunResult is the outcome of a one-off command.
type RunResult struct {
	ExitCode int    `json:"exit_code"`
	Output   string `json:"output"` // standard output and standard error
}

// UnmarshalJSON reads the object of 2.x, {"exit_code": 0, "output": "hi\n"}, and the pair of v1.6, [0, "hi\n"].
func (r *RunResult) UnmarshalJSON(data []byte) error {
	var result struct { // pointers, because a missing exit code must not read as 0, success
		ExitCode *int    `json:"exit_code"`
		Output   *string `json:"output"`
	}
	var err error
	if len(data) > 0 && data[0] == '[' {
		pair := []any{&result.ExitCode, &result.Output}
		err = json.Unmarshal(data, &pair)
		if err == nil && len(pair) != 2 {
			err = fmt.Errorf("want an exit code and an output, got %d values", len(pair))
		}
	} else {
		err = json.Unmarshal(data, &result)
	}
	switch {
	case err != nil:
		return err
	case result.ExitCode == nil || result.Output == nil:
		return errors.New("want an exit code and an output")
	}
	r.ExitCode, r.Output = *result.ExitCode, *result.Output
	return nil
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// ErrExists means that an app with this id exists already, whoever owns it. Match it with errors.Is.
var ErrExists error = &rest.Reason{
	Message: "an app with this id exists",
	Status:  400,
	Wordings: []rest.Wording{
		{Field: "id", Text: "This field must be unique"},
		{Field: "id", Text: "Application with this id already exists"},
	},
}

// List returns one page of the apps that the caller may work on. An administrator gets all apps.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps
func (s *Service) List(ctx context.Context, o ListOptions, opts ...rest.CallOption) (*rest.Page[App], error) {
	return rest.List[App](ctx, s.client, rest.Path("apps").NoSlash(), o, opts...)
}

// All ranges over the apps that List pages through; see rest.All.
func (s *Service) All(ctx context.Context, o ListOptions, opts ...rest.CallOption) iter.Seq2[App, error] {
	return rest.All[App](ctx, s.client, rest.Path("apps").NoSlash(), o, opts...)
}

// Get returns one app.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{id}/
func (s *Service) Get(ctx context.Context, id string, opts ...rest.CallOption) (*App, error) {
	return rest.Get[App](ctx, s.client, rest.Path("apps", id), opts...)
}

// Create makes an app that belongs to the caller. The error matches ErrExists if the id is taken. A 2.x Controller
// responds with 409, rest.ErrConflict, if Kubernetes has a namespace of that name, as it does for a while after an app
// with that id was deleted.
//
// Real 2.x Controllers that respond with 503 may have made the app anyway. On 2.2 such an app accepts no build until
// Update sets its owner, which may be the same one.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/
func (s *Service) Create(ctx context.Context, p CreateParams, opts ...rest.CallOption) (*App, error) {
	if p.ID != "" {
		if err := rest.Path("apps", p.ID).Err(); err != nil {
			return nil, err
		}
	}
	return rest.Post[App](ctx, s.client, rest.Path("apps"), p, opts...)
}

// Update transfers an app to another owner. Only the owner and administrators may transfer it. The error matches
// rest.ErrNotFound if there is no such user. API 2.x only: in v1.6 the error is a *version.UnsupportedError.
//
//deis:operation v2.2,v2.3 POST /apps/{id}/
func (s *Service) Update(ctx context.Context, id string, p UpdateParams, opts ...rest.CallOption) error {
	at := rest.Path("apps", id)
	switch {
	case at.Err() != nil:
		return at.Err()
	case p.Owner == "":
		return rest.InvalidArgument("owner", "must not be empty")
	}
	if err := s.client.Require(ctx, "updating an app", version.V2); err != nil {
		return err
	}
	_, err := rest.Post[struct{}](ctx, s.client, at, p, opts...)
	return err
}

// Delete destroys an app with its releases, config and domains. Only the owner and administrators may delete it.
//
//deis:operation v1.6,v2.2,v2.3 DELETE /apps/{id}/
func (s *Service) Delete(ctx context.Context, id string, opts ...rest.CallOption) error {
	return rest.Delete(ctx, s.client, rest.Path("apps", id), opts...)
}

// Run runs a command in a new process with the app's current build and config and waits until it ends. Real Controllers
// allow it 20 minutes. A command that fails is not an error: see RunResult.ExitCode. For an app without a build the
// response is 400, rest.ErrBadRequest.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{id}/run/
func (s *Service) Run(ctx context.Context, id, command string, opts ...rest.CallOption) (*RunResult, error) {
	if command == "" {
		return nil, rest.InvalidArgument("command", "must not be empty")
	}
	return rest.Post[RunResult](ctx, s.client, rest.Path("apps", id, "run"), runRequest{command}, opts...)
}

type runRequest struct {
	Command string `json:"command"`
}
