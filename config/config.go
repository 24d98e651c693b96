// Package config manages an app's environment variables, limits, tags and health checks. Each change makes a release.
//
// Document: "Configuration" in both API documents. Health checks are for 2.x only.
package config

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages config. Use it as Client.Config; it is safe for concurrent use.
//
// One client's changes to one app follow each other, because real Controllers lose values, or answer 500, when two
// come at the same time. Two clients, or two programs, must take turns themselves.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Config.
func New(client *rest.Client) *Service { return &Service{client} }

// A Config is what an app's processes run with. Printing one shows names, never values.
//
// Values, limits and tags are text, whatever the Controller writes: v1.6 has numbers for CPU, and real 2.2 Controllers
// store a value of true as "True".
type Config struct {
	App         string                 `json:"app"`
	Owner       string                 `json:"owner"`       // who made the change
	Values      map[string]string      `json:"values"`      // the environment variables
	Memory      map[string]string      `json:"memory"`      // limit for each process type, "512M"
	CPU         map[string]string      `json:"cpu"`         // shares for each process type: "512" (v1.6, of 1024), "250m" (2.2)
	Tags        map[string]string      `json:"tags"`        // what a node must be tagged with to run the app
	Healthcheck map[string]Healthcheck `json:"healthcheck"` // for each process type; 2.x only
	Registry    map[string]string      `json:"registry"`    // login for a private registry; undocumented, real 2.2 Controllers have it
	UUID        string                 `json:"uuid"`
	Created     rest.Time              `json:"created"`
	Updated     rest.Time              `json:"updated"`

	// Release is the number of the release that Set made. v1.6 only, and 0 after Get: 2.x Controllers do not say it.
	Release int `json:"-"`
}

// UnmarshalJSON reads a config of either version.
func (c *Config) UnmarshalJSON(data []byte) error {
	type plain Config
	if json.Unmarshal(data, (*plain)(c)) == nil { // all is text, as nearly always
		return nil
	}
	*c = Config{}
	loose := struct {
		*plain
		Values looseTexts `json:"values"`
		Memory looseTexts `json:"memory"`
		CPU    looseTexts `json:"cpu"`
		Tags   looseTexts `json:"tags"`
	}{plain: (*plain)(c)}
	if err := json.Unmarshal(data, &loose); err != nil {
		return err
	}
	c.Values, c.Memory, c.CPU, c.Tags = loose.Values, loose.Memory, loose.CPU, loose.Tags
	return nil
}

// looseTexts reads a JSON object whose values may be numbers or booleans, as their text.
type looseTexts map[string]string

func (t *looseTexts) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil || raw == nil {
		return err
	}
	*t = make(looseTexts, len(raw))
	for key, value := range raw {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		(*t)[key] = text
	}
	return nil
}

// String shows whose config it is and which variables it has, without their values.
func (c Config) String() string {
	return fmt.Sprintf("{App:%s Release:%d Values:%v}", c.App, c.Release, slices.Sorted(maps.Keys(c.Values)))
}

// GoString does the same for %#v.
func (c Config) GoString() string { return "config.Config" + c.String() }

// LogValue logs what String shows, also where the log is JSON.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// A Healthcheck is what tells whether a process lives and is ready, by the names LivenessProbe and ReadinessProbe. A
// nil Probe takes one away.
type Healthcheck map[string]*Probe

// The probes of a Healthcheck.
const (
	LivenessProbe  = "livenessProbe"  // restarts a process that fails
	ReadinessProbe = "readinessProbe" // routes nothing to a process that fails
)

// A Probe asks a process how it is, in one of three ways: give one of them. What is 0 or empty is left to the Controller.
type Probe struct {
	HTTPGet   *HTTPGet   `json:"httpGet,omitempty"`
	Exec      *Exec      `json:"exec,omitempty"`
	TCPSocket *TCPSocket `json:"tcpSocket,omitempty"`

	InitialDelaySeconds int `json:"initialDelaySeconds,omitempty"`
	TimeoutSeconds      int `json:"timeoutSeconds,omitempty"`
	PeriodSeconds       int `json:"periodSeconds,omitempty"`
	SuccessThreshold    int `json:"successThreshold,omitempty"` // only 1 for a LivenessProbe
	FailureThreshold    int `json:"failureThreshold,omitempty"`
}

// HTTPGet succeeds on a status from 200 to 399.
type HTTPGet struct {
	Path    string   `json:"path,omitempty"`
	Port    int      `json:"port,omitempty"`
	Host    string   `json:"host,omitempty"`
	Scheme  string   `json:"scheme,omitempty"`
	Headers []Header `json:"httpHeaders,omitempty"`
}

// A Header is sent with an HTTPGet.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Exec succeeds if the command ends with 0.
type Exec struct {
	Command []string `json:"command"`
}

// TCPSocket succeeds if the port accepts a connection.
type TCPSocket struct {
	Port int `json:"port"`
}

// Changes say what to set and, by nil, what to unset; what they do not name stays as it is. Printing them shows names,
// never values.
type Changes struct {
	Values map[string]*string `json:"values,omitempty"` // the environment variables
	Memory map[string]*string `json:"memory,omitempty"` // for each process type, a number and B, K, M or G: "512M"
	CPU    map[string]*string `json:"cpu,omitempty"`    // for each process type: "512" (v1.6, of 1024), "250m" or "1" (2.2)
	Tags   map[string]*string `json:"tags,omitempty"`   // what a node must be tagged with to run the app

	// Healthcheck is for API 2.x only. A nil Healthcheck unsets all probes of a process type.
	Healthcheck map[string]Healthcheck `json:"healthcheck,omitempty"`
}

// String shows which variables change, without their values.
func (c Changes) String() string {
	return fmt.Sprintf("{Values:%v Memory:%v CPU:%v Tags:%v Healthcheck:%v}", slices.Sorted(maps.Keys(c.Values)),
		slices.Sorted(maps.Keys(c.Memory)), slices.Sorted(maps.Keys(c.CPU)), slices.Sorted(maps.Keys(c.Tags)),
		slices.Sorted(maps.Keys(c.Healthcheck)))
}

// GoString does the same for %#v.
func (c Changes) GoString() string { return "config.Changes" + c.String() }

// LogValue logs what String shows, also where the log is JSON.
func (c Changes) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Reasons for failure. Match them with errors.Is.
var (
	// ErrUnchanged says that everything is set like that already, and no release was made. 2.2 only: v1.6 Controllers
	// make a new release.
	ErrUnchanged error = &rest.Reason{
		Message:  "the config is like that already",
		Status:   409,
		Wordings: []rest.Wording{{Text: "changed nothing"}},
	}
	// ErrNotSet says that what was to be unset is not set, and that nothing was changed. 2.2 only: v1.6 Controllers
	// accept it.
	ErrNotSet error = &rest.Reason{
		Message:  "not set",
		Status:   422,
		Wordings: []rest.Wording{{Text: "does not exist under"}},
	}
)

// Get returns an app's present config.
//
//deis:operation v1.6,v2.2 GET /apps/{app}/config/
func (s *Service) Get(ctx context.Context, app string, opts ...rest.CallOption) (*Config, error) {
	return rest.Get[Config](ctx, s.client, rest.Path("apps", app, "config"), opts...)
}

// Set changes an app's config, all of Changes at once, and returns it as it is then. It makes a release and, if the
// app has a build, replaces its processes; if they do not start, v1.6 Controllers answer 503, and 2.2 Controllers 400.
// The error is ErrUnchanged or ErrNotSet if a 2.2 Controller says so.
//
// Real v1.6 Controllers merge the changes into the config that was made last, even if a rollback has put an older one
// back since, or its deploy failed: the next Set brings it back, whole. Real 2.2 Controllers merge into the present one.
//
// In what a v1.6 Controller answers to Set, unlike to Get, Values has DEIS_APP and DEIS_RELEASE too once there is a
// build, and lacks the variables that the image has as well.
//
//deis:operation v1.6,v2.2 POST /apps/{app}/config/
func (s *Service) Set(ctx context.Context, app string, changes Changes, opts ...rest.CallOption) (*Config, error) {
	at := rest.Path("apps", app, "config")
	if err := at.Err(); err != nil {
		return nil, err
	}
	if err := changes.Check(); err != nil {
		return nil, err
	}
	if len(changes.Healthcheck) > 0 {
		if err := s.client.Require(ctx, "a health check", version.V2); err != nil {
			return nil, err
		}
	}
	var resp rest.Response
	opts = append(opts[:len(opts):len(opts)], rest.WithResponse(&resp))
	config, err := rest.Post[Config](ctx, s.client, at, changes, opts...)
	if err != nil {
		return nil, err
	}
	config.Release = resp.Release()
	return config, nil
}

// Check returns what is wrong with the changes, or nil; Set does so by itself. It refuses changes of nothing, for which
// v1.6 Controllers make a release, health checks that check nothing, and the variables that poison an app: real v1.6
// Controllers answer them with 500, store them, and answer each later change with 500 as well, until they are unset.
func (c Changes) Check() error {
	if len(c.Values)+len(c.Memory)+len(c.CPU)+len(c.Tags)+len(c.Healthcheck) == 0 {
		return rest.InvalidArgument("changes", "must not be empty")
	}
	for key, value := range c.Values {
		unusable := strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '=' })
		if value != nil && (key == "" || unusable) {
			return rest.InvalidArgument(fmt.Sprintf("config key %.100q", key), "must be printable ASCII without blanks and =")
		}
	}
	for procType, check := range c.Healthcheck {
		for name, probe := range check {
			if name != LivenessProbe && name != ReadinessProbe {
				return rest.InvalidArgument(fmt.Sprintf("health check %.100q of %s", name, procType), "must be a livenessProbe or a readinessProbe")
			}
			if probe != nil && *probe == (Probe{}) {
				return rest.InvalidArgument(name+" of "+procType, "must say how to ask; nil takes it away")
			}
		}
	}
	return nil
}

// SetValues sets environment variables and leaves the others as they are; see Set.
func (s *Service) SetValues(ctx context.Context, app string, values map[string]string, opts ...rest.CallOption) (*Config, error) {
	changes := Changes{Values: make(map[string]*string, len(values))}
	for key, value := range values {
		changes.Values[key] = &value
	}
	return s.Set(ctx, app, changes, opts...)
}

// Unset removes environment variables; see Set. If one of them is not set, 2.2 Controllers answer ErrNotSet and remove
// none.
func (s *Service) Unset(ctx context.Context, app string, keys []string, opts ...rest.CallOption) (*Config, error) {
	changes := Changes{Values: make(map[string]*string, len(keys))}
	for _, key := range keys {
		changes.Values[key] = nil
	}
	return s.Set(ctx, app, changes, opts...)
}
