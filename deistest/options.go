package deistest

import (
	"time"

	"github.com/deisgo/deis/version"
)

// The account that New creates by default.
const (
	defaultAdmin    = "admin"
	defaultPassword = "opensesame"
)

// An Option configures a Controller.
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

// WithAPIVersion sets the API version. The default is version.V2_2. Besides 1.6, 2.2 and 2.3 it can be any: 1.x behaves
// like 1.6, 2.0 and 2.1 like 2.2 without auth/whoami, and all above 2.3 like 2.3, each under the path prefix of its own
// major version.
func WithAPIVersion(api version.API) Option { return func(s *options) { s.api = api } }

// WithEarly23 makes a Controller of API 2.3 behave like early 2.3 servers (Workflow v2.5 and v2.6). By default it behaves
// like late ones. Both report the same version, so a client cannot know which one it talks to. Early servers delete the
// release and the build of a failed deploy and use their numbers again, respond with {"detail": "Not found."} where late
// ones respond with "No App matches the given query.", and have no services and labels.
func WithEarly23() Option { return func(s *options) { s.early23 = true } }

// WithAdmin sets the name and password of the administrator that exists from the start. The default is "admin" with the
// password "opensesame".
func WithAdmin(username, password string) Option {
	return func(s *options) { s.admin = &account{username, password} }
}

// WithoutAdmin makes a Controller start without an administrator. The next user to register becomes one.
func WithoutAdmin() Option { return func(s *options) { s.admin = nil } }

// WithToken sets the administrator's token at the start. The default is random.
func WithToken(token string) Option { return func(s *options) { s.token = token } }

// WithUser adds a user who is not an administrator. It can be given several times.
func WithUser(username, password string) Option {
	return func(s *options) { s.users = append(s.users, account{username, password}) }
}

// WithApp adds an app that the user owner creates; "" is the administrator. It can be given several times.
func WithApp(id, owner string) Option {
	return func(s *options) { s.apps = append(s.apps, ownedApp{id, owner}) }
}

// WithNodeLabels adds a node with these labels to the cluster, for the tags of configurations. It can be given several
// times. With it, tags that no single node has are refused (API 2.2 and newer); without it, all tags are accepted.
func WithNodeLabels(labels map[string]string) Option {
	return func(s *options) { s.nodes = append(s.nodes, labels) }
}

// WithLatency makes each response take at least this long. If the client leaves first, the request is not carried out.
func WithLatency(d time.Duration) Option { return func(s *options) { s.latency = d } }

// WithStartDelay sets how long it takes until a new or restarted pod is "up"; by default it is up at once. Until then its
// state is "initializing" from API 2.2 on, and "created" in API 1.6.
func WithStartDelay(d time.Duration) Option { return func(s *options) { s.startDelay = d } }

// WithDeployDelay sets how long it takes to deploy a build, a changed configuration or a rollback. Other requests are
// carried out in the meantime. From API 2.2 on, builds and configurations of the same app are refused while a deploy is
// in progress; rollbacks are not, and the deploy that ends last decides which pods run. A deploy goes on if its client
// leaves.
func WithDeployDelay(d time.Duration) Option { return func(s *options) { s.deployDelay = d } }

// WithTLS makes [NewServer] and [Start] serve https, with a certificate for 127.0.0.1 that [Server.Client] trusts.
func WithTLS() Option { return func(s *options) { s.tls = true } }

// WithFault makes some requests fail. It can be given several times: if a request could trigger several faults, it
// triggers the first one. It panics if the fault could never do what it says.
func WithFault(f Fault) Option {
	f.check()
	return func(s *options) { s.faults = append(s.faults, f) }
}

// WithLostUpdates makes concurrent changes of one app's configuration fail as recorded: some get 500 (400 in API 2.3),
// some get 201 and are lost, and in API 1.6 one that got 500 can take effect later. Changes one after the other are as
// safe as without it, but a little slower.
func WithLostUpdates() Option { return func(s *options) { s.lostUpdates = true } }

// A Registration says who may register users.
type Registration int

// The registration modes of the Controllers.
const (
	RegistrationOpen      Registration = iota // anybody
	RegistrationAdminOnly                     // administrators
	RegistrationDisabled                      // nobody
)

// WithRegistration sets who may register users. The default is RegistrationOpen.
func WithRegistration(r Registration) Option { return func(s *options) { s.registration = r } }
