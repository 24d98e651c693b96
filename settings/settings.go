// Package settings manages how an app is routed and scaled: maintenance mode, routability, the addresses that may reach
// it, autoscaling and labels. Changing them makes no release.
//
//	on := true
//	_, err := client.Settings.Set(ctx, "example-go", settings.Changes{Maintenance: &on})
//	err = client.Settings.Allow(ctx, "example-go", []string{"10.0.0.0/8"})
//
// API 2.3 only: on an older Controller every method returns a *version.UnsupportedError and sends nothing. The API documents
// do not have settings; what the methods do was recorded on a real Controller.
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

// New returns a service on a client of one's own. Programs use Client.Settings.
func New(client *rest.Client) *Service { return &Service{client} }

// Settings are how an app is routed and scaled.
type Settings struct {
	App         string               `json:"app" deis:"apps,part"`
	Owner       string               `json:"owner"`              // who made the last change
	Maintenance bool                 `json:"maintenance"`        // requests get a page that says so
	Routable    bool                 `json:"routable"`           // requests reach the app
	Whitelist   []string             `json:"whitelist"`          // addresses and networks that may reach the app; empty: all
	Autoscale   map[string]Autoscale `json:"autoscale"`          // for each process type
	Label       map[string]string    `json:"label" deis:"loose"` // what is not text is its JSON form
	UUID        string               `json:"uuid" deis:"uuid,part"`
	Created     rest.Time            `json:"created"`
	Updated     rest.Time            `json:"updated"`
}

// An Autoscale says between which numbers the pods of a process type are scaled, and by what. App.Structure stays as it
// is meanwhile.
type Autoscale struct {
	Min        int `json:"min"`
	Max        int `json:"max"`
	CPUPercent int `json:"cpu_percent"` // how busy the pods shall be
}

// Changes say what to set; what they do not name stays as it is.
type Changes struct {
	Maintenance *bool                 `json:"maintenance,omitempty"`
	Routable    *bool                 `json:"routable,omitempty"`
	Autoscale   map[string]*Autoscale `json:"autoscale,omitempty"` // for each process type; nil ends autoscaling
	Label       map[string]*string    `json:"label,omitempty"`     // nil removes a label

	// Whitelist takes the place of the present one: addresses and networks, IPv4 or IPv6. It cannot be empty: Disallow
	// takes addresses away.
	Whitelist []string `json:"whitelist,omitempty"`
}

// Check returns what is wrong with the changes, or nil; Set does so by itself.
func (c Changes) Check() error {
	switch {
	case c.Whitelist != nil && len(c.Whitelist) == 0:
		return rest.InvalidArgument("whitelist", "must not be empty: Disallow takes addresses away")
	case c.Maintenance == nil && c.Routable == nil && len(c.Autoscale)+len(c.Label)+len(c.Whitelist) == 0:
		return rest.InvalidArgument("changes", "must not be empty")
	}
	return nil
}

// Reasons for failure. Match them with errors.Is.
var (
	// ErrUnchanged says that everything is set like that already.
	ErrUnchanged error = &rest.Reason{
		Message:  "the settings are like that already",
		Status:   409,
		Wordings: []rest.Wording{{Text: "changed nothing"}},
	}
	// ErrNotSet says that what was to be removed is not set, and that nothing was changed.
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

// Get returns an app's present settings.
//
//deis:operation v2.3 GET /apps/{app}/settings/
func (s *Service) Get(ctx context.Context, app string, opts ...rest.CallOption) (*Settings, error) {
	at := rest.Path("apps", app, "settings")
	if err := s.require(ctx, at); err != nil {
		return nil, err
	}
	return rest.Get[Settings](ctx, s.client, at, opts...)
}

// Set changes an app's settings, all of Changes at once, and returns them as they are then. The error matches ErrUnchanged or
// ErrNotSet if the Controller says so.
//
// Real Controllers scale by the numbers in Autoscale also where the app has no such process type.
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

// Whitelist returns the addresses and networks that may reach an app, in no order; if there are none, all may.
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

// Allow adds addresses and networks to those that may reach an app. While there are none, all may; so the first that is
// added shuts out all others. The error matches ErrUnchanged if all of them are there already.
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

// Disallow takes addresses and networks away from those that may reach an app; without any left, all may. Only the owner
// and administrators may. The error matches ErrNotSet, and none is taken away, if one of them is not there.
//
// It reads the whitelist first: a Controller that has none, because it was downgraded for example, would destroy the app.
//
//deis:operation v2.3 DELETE /apps/{app}/whitelist/
func (s *Service) Disallow(ctx context.Context, app string, addresses []string, opts ...rest.CallOption) error {
	at := rest.Path("apps", app, "whitelist")
	if err := s.requireAddresses(ctx, at, addresses); err != nil {
		return err
	}
	look := rest.WithLook(func(ctx context.Context) error { // a Controller without a whitelist would destroy the app
		_, err := rest.Get[whitelist](ctx, s.client, at, append(slices.Clone(opts), rest.WithoutResponse())...)
		return err
	})
	return rest.Delete(ctx, s.client, at, append(slices.Clone(opts), look, rest.WithBody(whitelist{addresses}))...)
}

// A whitelist is {"addresses": ["10.0.0.0/8"]}.
type whitelist struct {
	Addresses []string `json:"addresses"`
}

// UnmarshalJSON refuses what has no addresses. An empty whitelist has an empty list.
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

// requireAddresses refuses to send no address, to which real Controllers respond with 500.
func (s *Service) requireAddresses(ctx context.Context, at rest.Endpoint, addresses []string) error {
	if len(addresses) == 0 {
		return rest.InvalidArgument("addresses", "must not be empty")
	}
	return s.require(ctx, at)
}

// require refuses what the Controller does not have.
func (s *Service) require(ctx context.Context, at rest.Endpoint) error {
	return s.client.RequireAt(ctx, at, "an app's settings", version.V2_3)
}
