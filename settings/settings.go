// Package settings manages how an app is routed and scaled: maintenance mode, routability, the addresses that may reach
// it, autoscaling and labels.
//
//	on := true
//	_, err := client.Settings.Set(ctx, "example-go", settings.Changes{Maintenance: &on})
//	err = client.Settings.Allow(ctx, "example-go", []string{"10.0.0.0/8"})
//
// Changing settings makes no release. API 2.3 only: on an older Controller every method returns a
// *version.UnsupportedError and sends nothing. The API documents do not describe settings; the methods follow recordings
// of a real Controller.
package settings

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages settings. Use it as Client.Settings; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a Service that uses client. Programs use Client.Settings.
func New(client *rest.Client) *Service { return &Service{client} }

// Settings are how an app is routed and scaled.
type Settings struct {
	App         string               `json:"app" deis:"apps,part"`
	Owner       string               `json:"owner"`              // who made the last change
	Maintenance bool                 `json:"maintenance"`        // requests get a maintenance page
	Routable    bool                 `json:"routable"`           // requests reach the app
	Whitelist   []string             `json:"whitelist"`          // addresses and networks that may reach the app; if it is empty, all may
	Autoscale   map[string]Autoscale `json:"autoscale"`          // for each process type
	Label       map[string]string    `json:"label" deis:"loose"` // values that are not text are in JSON; servers since Workflow v2.9
	UUID        string               `json:"uuid" deis:"uuid,part"`
	Created     rest.Time            `json:"created"`
	Updated     rest.Time            `json:"updated"`
}

// An Autoscale scales the pods of a process type between two numbers by their CPU usage. It does not change
// App.Structure.
type Autoscale struct {
	Min        int `json:"min"`
	Max        int `json:"max"`         // at least Min, otherwise the response is 400
	CPUPercent int `json:"cpu_percent"` // the CPU usage to aim for, in percent
}

// Changes say what to set; everything else stays as it is.
type Changes struct {
	Maintenance *bool                 `json:"maintenance,omitempty"`
	Routable    *bool                 `json:"routable,omitempty"`
	Autoscale   map[string]*Autoscale `json:"autoscale,omitempty"` // for each process type; nil ends autoscaling
	Label       map[string]*string    `json:"label,omitempty"`     // nil removes a label

	// Whitelist replaces the current one. It has IPv4 and IPv6 addresses and networks, each of at most 50 characters. It
	// cannot be empty: Disallow removes addresses.
	Whitelist []string `json:"whitelist,omitempty"`
}

// Check returns what is wrong with the changes, or nil. Set calls it.
func (c Changes) Check() error {
	switch {
	case c.Whitelist != nil && len(c.Whitelist) == 0:
		return rest.InvalidArgument("whitelist", "must not be empty: Disallow removes addresses")
	case c.Maintenance == nil && c.Routable == nil && len(c.Autoscale)+len(c.Label)+len(c.Whitelist) == 0:
		return rest.InvalidArgument("changes", "must not be empty")
	}
	return nil
}

// Reasons for failure. Match them with errors.Is.
var (
	// ErrUnchanged means that the settings have all of the changes already.
	ErrUnchanged error = &rest.Reason{
		Message:  "the settings have these changes already",
		Status:   409,
		Wordings: []rest.Wording{{Text: "changed nothing"}},
	}
	// ErrNotSet means that something to remove is not set, so that nothing was changed.
	ErrNotSet error = &rest.Reason{
		Message: "not set",
		Status:  422,
		Wordings: []rest.Wording{
			{Text: "does not exist under autoscale"},
			{Text: "does not exist under label"},
			{Text: "does not exist in whitelist"},
		},
	}
)

// Get returns an app's current settings.
//
//deis:operation v2.3 GET /apps/{app}/settings/
func (s *Service) Get(ctx context.Context, app string, opts ...rest.CallOption) (*Settings, error) {
	at := rest.Path("apps", app, "settings")
	if err := s.require(ctx, at); err != nil {
		return nil, err
	}
	return rest.Get[Settings](ctx, s.client, at, opts...)
}

// Set makes all of the changes to an app's settings at once and returns the new settings. The error can match
// ErrUnchanged and ErrNotSet. If Kubernetes fails, real Controllers respond with 400 and change nothing. They accept an
// Autoscale for a process type that the app does not have.
//
//deis:operation v2.3 POST /apps/{app}/settings/
func (s *Service) Set(ctx context.Context, app string, changes Changes, opts ...rest.CallOption) (*Settings, error) {
	if err := changes.Check(); err != nil {
		return nil, err
	}
	at := rest.Path("apps", app, "settings")
	if err := s.require(ctx, at); err != nil {
		return nil, err
	}
	return rest.Post[Settings](ctx, s.client, at, changes, opts...)
}

// Whitelist returns the addresses and networks that may reach an app, in no particular order. If there are none, all
// may.
//
//deis:operation v2.3 GET /apps/{app}/whitelist/
func (s *Service) Whitelist(ctx context.Context, app string, opts ...rest.CallOption) ([]string, error) {
	at := rest.Path("apps", app, "whitelist")
	if err := s.require(ctx, at); err != nil {
		return nil, err
	}
	list, err := rest.Get[whitelist](ctx, s.client, at, opts...)
	if err != nil {
		return nil, err
	}
	return list.Addresses, nil
}

// Allow adds addresses and networks to the whitelist of an app. While the whitelist is empty, all addresses may reach
// the app, so the first one that is added locks out all others. The error matches ErrUnchanged if all of them are in it
// already.
//
//deis:operation v2.3 POST /apps/{app}/whitelist/
func (s *Service) Allow(ctx context.Context, app string, addresses []string, opts ...rest.CallOption) error {
	at := rest.Path("apps", app, "whitelist")
	if err := s.requireAddresses(ctx, at, addresses); err != nil {
		return err
	}
	_, err := rest.Post[whitelist](ctx, s.client, at, whitelist{addresses}, opts...)
	return err
}

// Disallow removes addresses and networks from the whitelist of an app. If none is left, all addresses may reach the
// app. Only the owner and administrators may shorten it. If one of the addresses is not in the whitelist, the error
// matches ErrNotSet and none is removed.
//
// Disallow reads the whitelist first: a Controller without whitelists, after a downgrade for example, would destroy the
// app.
//
//deis:operation v2.3 DELETE /apps/{app}/whitelist/
func (s *Service) Disallow(ctx context.Context, app string, addresses []string, opts ...rest.CallOption) error {
	at := rest.Path("apps", app, "whitelist")
	if err := s.requireAddresses(ctx, at, addresses); err != nil {
		return err
	}
	look := rest.WithLook(func(ctx context.Context) error { // fails if the Controller has no whitelists
		_, err := rest.Get[whitelist](ctx, s.client, at, append(slices.Clone(opts), rest.WithoutResponse())...)
		return err
	})
	return rest.Delete(ctx, s.client, at, append(slices.Clone(opts), look, rest.WithBody(whitelist{addresses}))...)
}

// A whitelist is {"addresses": ["10.0.0.0/8"]}.
type whitelist struct {
	Addresses []string `json:"addresses"`
}

// UnmarshalJSON refuses an object without addresses. If there are none, the list is empty.
func (w *whitelist) UnmarshalJSON(data []byte) error {
	var object struct {
		Addresses *[]string `json:"addresses"`
	}
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	if object.Addresses == nil || slices.Contains(*object.Addresses, "") {
		return errors.New("it has no addresses")
	}
	w.Addresses = *object.Addresses
	return nil
}

// requireAddresses also refuses an empty list, to which real Controllers respond with 500.
func (s *Service) requireAddresses(ctx context.Context, at rest.Endpoint, addresses []string) error {
	if len(addresses) == 0 {
		return rest.InvalidArgument("addresses", "must not be empty")
	}
	return s.require(ctx, at)
}

// require refuses a Controller whose version does not have settings.
func (s *Service) require(ctx context.Context, at rest.Endpoint) error {
	return s.client.RequireAt(ctx, at, "an app's settings", version.V2_3)
}
