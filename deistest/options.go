package deistest

import (
	"time"

	"github.com/deisgo/deis/version"
)

// The account that New makes unless told otherwise.
const (
	defaultAdmin    = "admin"
	defaultPassword = "opensesame"
)

// An Option says how a Controller differs from the usual one.
type Option func(*options)

type options struct {
	api          version.API
	admin        *account
	token        string
	users        []account
	apps         []ownedApp
	nodes        []map[string]string
	latency      time.Duration
	startDelay   time.Duration
	deployDelay  time.Duration
	faults       []Fault
	lostUpdates  bool
	registration Registration
	tls          bool
	early23      bool
}

type (
	account  struct{ username, password string }
	ownedApp struct{ id, owner string }
)

// WithAPIVersion chooses the API version; version.V2_2 if not given. Versions in between behave like the next lower one
// of 1.6, 2.2 and 2.3, those above 2.3 like 2.3, under the path prefix of their own major number; but "who am I" is
// there from 2.2 on only.
func WithAPIVersion(api version.API) Option { return func(s *options) { s.api = api } }

// WithEarly23 makes a Controller of API 2.3 behave like the first servers of that version, those of Workflow v2.5 and
// v2.6. Without it, it behaves like the last ones. Both name themselves alike, so that a client cannot tell which it
// has before it. The early ones delete the release and the build of a failed deploy and use their numbers again, say
// {"detail": "Not found."} where later ones say "No App matches the given query.", and have no services and labels.
func WithEarly23() Option { return func(s *options) { s.early23 = true } }

// WithAdmin names the administrator that exists from the start; "admin" with the password "opensesame" if not given.
func WithAdmin(username, password string) Option {
	return func(s *options) { s.admin = &account{username, password} }
}

// WithoutAdmin starts without an administrator. The next user to register becomes one.
func WithoutAdmin() Option { return func(s *options) { s.admin = nil } }

// WithToken chooses the administrator's token at the start, which is random if not given.
func WithToken(token string) Option { return func(s *options) { s.token = token } }

// WithUser adds a user who is no administrator. It can be given several times.
func WithUser(username, password string) Option {
	return func(s *options) { s.users = append(s.users, account{username, password}) }
}

// WithApp adds an app as the user owner would create it; "" is the administrator. It can be given several times.
func WithApp(id, owner string) Option {
	return func(s *options) { s.apps = append(s.apps, ownedApp{id, owner}) }
}

// WithNodeLabels adds a node with these labels to the cluster, for the tags of configurations. It can be given several
// times. If it is given, tags that no single node has are refused (API 2.2 and newer); without it all tags are accepted.
func WithNodeLabels(labels map[string]string) Option {
	return func(s *options) { s.nodes = append(s.nodes, labels) }
}

// WithLatency makes each response take at least this long. A request whose context ends first is not carried out.
func WithLatency(d time.Duration) Option { return func(s *options) { s.latency = d } }

// WithStartDelay is how long a new or restarted pod takes until its state is "up"; it is up at once if not given.
// Before, the state is "initializing" in API 2.2 and "created" in API 1.6.
func WithStartDelay(d time.Duration) Option { return func(s *options) { s.startDelay = d } }

// WithDeployDelay is how long it takes to deploy a build, a changed configuration or a rollback. In the meantime other
// requests are carried out. From API 2.2 on builds and configurations of the same app are refused, since a deploy is in
// progress; rollbacks are not, and the deploy that ends last decides which pods run. A deploy goes on if its client
// leaves.
func WithDeployDelay(d time.Duration) Option { return func(s *options) { s.deployDelay = d } }

// WithTLS makes [NewServer] and [Start] serve https, with a certificate for 127.0.0.1 that [Server.Client] trusts.
func WithTLS() Option { return func(s *options) { s.tls = true } }

// WithFault makes some requests fail. It can be given several times; the first fault that strikes a request counts. It
// panics if the fault could never do what it says.
func WithFault(f Fault) Option {
	f.check()
	return func(s *options) { s.faults = append(s.faults, f) }
}

// WithLostUpdates makes changes of one app's configuration at the same time go wrong as they were recorded to: some get
// 500 (400 in API 2.3), some get 201 and are lost, and in API 1.6 one that got 500 can show up later. Changes that
// follow one another are as safe as without it, and a little slower.
func WithLostUpdates() Option { return func(s *options) { s.lostUpdates = true } }

// A Registration says who may register users.
type Registration int

// The registration modes of the Controllers.
const (
	RegistrationOpen      Registration = iota // anybody
	RegistrationAdminOnly                     // administrators
	RegistrationDisabled                      // nobody
)

// WithRegistration says who may register users; anybody if not given.
func WithRegistration(r Registration) Option { return func(s *options) { s.registration = r } }
