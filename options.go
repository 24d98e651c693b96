package deis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// An Option configures a Client.
type Option func(*options)

// options are what the Options of a Client say. errs gathers everything that is wrong with them, so that New can say it at once.
type options struct {
	baseURL     *url.URL
	token       func() string // a function, so that no printer of whole structures shows it
	tokenFunc   func(context.Context) (string, error)
	api         version.API
	httpClient  *http.Client
	transport   http.RoundTripper
	tlsConfig   *tls.Config
	insecure    bool // a profile's wish, for connections of the SDK's own
	obeyProfile bool // which the program has agreed to
	verifiesYet bool // though the profile says no
	application string
	retry       RetryPolicy
	logger      *slog.Logger
	dump        io.Writer
	bareHeader  bool
	errs        []error
}

// WithToken makes calls on behalf of the token's user. Auth.Login gets one. An empty token is none.
func WithToken(token string) Option {
	return func(s *options) {
		if err := checkToken(token); err != nil {
			s.errs = append(s.errs, err)
		}
		s.token, s.tokenFunc = func() string { return token }, nil
	}
}

// WithTokenFunc makes each call ask for the token, for tokens that are rotated or kept elsewhere. It is called with the
// call's context, after the call has waited for its turn, and again for each call; an empty token is none. Its error
// ends the call, and nothing is sent. It must be safe for concurrent use.
func WithTokenFunc(token func(context.Context) (string, error)) Option {
	return func(s *options) {
		if token == nil {
			s.fail("token function", "must not be nil")
			return
		}
		s.token = noToken
		s.tokenFunc = func(ctx context.Context) (string, error) {
			text, err := token(ctx)
			if err != nil {
				return "", fmt.Errorf("no token: %w", err)
			}
			return text, checkToken(text)
		}
	}
}

// checkToken returns what is wrong with a token, but never the token itself.
func checkToken(token string) error {
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return rest.InvalidArgument("token", "must be printable ASCII without spaces")
	}
	return nil
}

// WithAPIVersion pins the API version, instead of asking the Controller: 1.6 or 2.3, or an older minor version of them.
func WithAPIVersion(api version.API) Option {
	return func(s *options) {
		if spoken, err := version.Negotiate(api); err != nil || spoken != api {
			s.fail("API version "+api.String(), "must be one that the SDK speaks, up to 1.6 or 2.3")
		}
		s.api = api
	}
}

// WithHTTPClient makes exchanges through a copy of the given client. Its transport, timeout and cookies hold; of its
// redirects only those are followed that keep a token where it belongs.
func WithHTTPClient(client *http.Client) Option {
	return func(s *options) {
		if client == nil {
			s.fail("HTTP client", "must not be nil")
			return
		}
		s.httpClient = client
	}
}

// WithTransport makes exchanges through the given transport, also where WithHTTPClient gives another.
func WithTransport(transport http.RoundTripper) Option {
	return func(s *options) {
		if transport == nil {
			s.fail("transport", "must not be nil")
			return
		}
		s.transport = transport
	}
}

// WithTLSConfig sets how TLS connections are made, to trust a private CA for example. It changes a copy of the
// transport, which must be a *http.Transport where one is given.
func WithTLSConfig(config *tls.Config) Option {
	return func(s *options) {
		if config == nil {
			s.fail("TLS config", "must not be nil")
			return
		}
		s.tlsConfig = config
	}
}

// WithApplication names the program in the User-Agent header, before the SDK. The version may be empty.
func WithApplication(name, version string) Option {
	return func(s *options) {
		// What RFC 9110 calls a token, less what would read oddly.
		odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }
		if name == "" || strings.ContainsFunc(name, odd) || strings.ContainsFunc(version, odd) {
			s.fail(fmt.Sprintf("application %.50q %.50q", name, version), "must be a name and a version without spaces and separators")
		}
		s.application = strings.TrimSuffix(name+"/"+version, "/")
	}
}

// WithRetry sets how often and how patiently calls are retried; see RetryPolicy for which. Without it, up to three
// times, after up to 250 ms, 500 ms and a second; a policy of zero never retries.
func WithRetry(policy RetryPolicy) Option {
	return func(s *options) {
		if err := policy.Check(); err != nil {
			s.errs = append(s.errs, err)
		}
		s.retry = policy
	}
}

// WithLogger logs each call, the version probe included, at level debug and each retry at level warn, without headers,
// queries and bodies.
func WithLogger(logger *slog.Logger) Option {
	return func(s *options) { s.logger = logger }
}

// WithDump writes every exchange to w as it went over the wire, for a person who looks for a fault: the request behind >,
// the response behind <, of each body the first 64 KiB. Tokens, passwords, private keys and cookies are redacted, and so is
// the config that a Controller returns; what a program sets is shown. Each exchange is one Write, when its response has been
// read; two never mix.
func WithDump(w io.Writer) Option {
	return func(s *options) {
		if w == nil {
			s.fail("dump", "must not be nil")
			return
		}
		s.dump = &lockedWriter{w: w}
	}
}

// A lockedWriter lets one writer in at a time: all copies of a client share it.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// WithoutVersionHeader leaves the header DEIS_API_VERSION out of requests. Some proxies refuse header names with a _, with
// a bare 400. Controllers do without it.
func WithoutVersionHeader() Option {
	return func(s *options) { s.bareHeader = true }
}

// WithInsecureProfile makes FromProfile and FromEnv obey a profile that says ssl_verify: false, which turns the
// verification of TLS certificates off. Without it they verify: older deis clients have written false into every
// profile, whoever asked for it.
func WithInsecureProfile() Option {
	return func(s *options) { s.obeyProfile = true }
}

func noToken() string { return "" }

func (s *options) fail(argument, rule string) {
	s.errs = append(s.errs, rest.InvalidArgument(argument, rule))
}

// with returns a copy with the options applied, ready for use. The error joins everything that is wrong.
func (s options) with(opts []Option) (*options, error) {
	for _, opt := range opts {
		if opt == nil {
			s.fail("option", "must not be nil")
			continue
		}
		opt(&s)
	}
	s.connect()
	return &s, errors.Join(s.errs...)
}

const (
	idleTimeout = 45 * time.Second // the usual balancers close idle connections after 60
	idlePerHost = 64               // as many concurrent calls keep their connections
	pingAfter   = 15 * time.Second // of silence an HTTP/2 connection is pinged, and closed if no pong comes for as long
)

// newTransport makes the connections of a client that is given none. Where a program has put something else in the
// place of Go's own transport, for traces or in tests, it is that.
func newTransport(insecure bool) http.RoundTripper {
	usual, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	own := usual.Clone() // proxies from the environment, HTTP/2
	own.IdleConnTimeout = idleTimeout
	own.MaxIdleConns = 0 // no limit but the one per host: there is one host
	own.MaxIdleConnsPerHost = idlePerHost
	own.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter} // or a dead one would be used for good
	if insecure {
		own.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the profile asks for it; New warns
	}
	return own
}

// connect turns what the options say about HTTP into one client, s.httpClient. Where they say nothing new, its transport
// stays as it is, so that copies of a Client share connections.
func (s *options) connect() {
	client := new(http.Client)
	if s.httpClient != nil {
		*client = *s.httpClient
	}
	switch {
	case s.transport != nil:
		client.Transport = s.transport
	case s.httpClient == nil:
		client.Transport = newTransport(s.insecure && s.obeyProfile)
		s.verifiesYet = s.insecure && !s.obeyProfile
	case client.Transport == nil:
		client.Transport = newTransport(false)
	}
	if s.tlsConfig != nil {
		transport, ok := client.Transport.(*http.Transport)
		if !ok {
			s.fail("TLS config", fmt.Sprintf("needs a transport of type *http.Transport, not %T", client.Transport))
			return
		}
		transport = transport.Clone()
		transport.TLSClientConfig = s.tlsConfig.Clone()
		client.Transport = transport
	}
	s.httpClient, s.transport, s.tlsConfig = client, nil, nil
}

// engine is what the options say to the engine.
func (s *options) engine() rest.Config {
	return rest.Config{
		BaseURL:         s.baseURL,
		Token:           s.currentToken,
		HTTP:            s.httpClient,
		API:             s.api,
		NoVersionHeader: s.bareHeader,
		UserAgent:       s.userAgent(),
		Retry:           s.retry,
		Logger:          s.logger,
		Dump:            s.dump,
	}
}

func (s *options) currentToken(ctx context.Context) (string, error) {
	if s.tokenFunc != nil {
		return s.tokenFunc(ctx)
	}
	return s.token(), nil
}

// unverifiedTransport is the transport if it does not verify certificates, and else nil.
func (s *options) unverifiedTransport() *http.Transport {
	transport, ok := s.httpClient.Transport.(*http.Transport)
	if ok && transport.TLSClientConfig != nil && transport.TLSClientConfig.InsecureSkipVerify {
		return transport
	}
	return nil
}

// warnUnverified logs that certificates are not verified.
func (s *options) warnUnverified() {
	if s.unverifiedTransport() != nil && s.logger != nil {
		s.logger.Warn("deis: TLS certificates are not verified: anybody on the way can read the token", "controller", s.baseURL.Host)
	}
}

func (s *options) userAgent() string {
	return strings.TrimSpace(s.application + " deis-go/" + version.SDK + " (" + runtime.Version() + ")")
}

// versioned reports whether a path ends in what the calls put behind it.
func versioned(path string) bool {
	path = strings.TrimSuffix(path, "/")
	return strings.HasSuffix(path, "/v1") || strings.HasSuffix(path, "/v2")
}

// parseURL reads a controller URL. Without a scheme it is https.
func parseURL(controllerURL string) (*url.URL, error) {
	const argument = "controller URL"
	trimmed := strings.TrimSpace(controllerURL)
	if trimmed == "" {
		return nil, rest.InvalidArgument(argument, "must not be empty")
	}
	if !strings.Contains(trimmed, "://") {
		trimmed = "https://" + trimmed
	}
	u, err := url.Parse(trimmed)
	switch {
	case strings.Contains(trimmed, "@"): // wherever a typing error has put it; such a URL is never quoted
		return nil, rest.InvalidArgument(argument, "must not have a username or password in it: use WithToken or Login")
	case strings.ContainsAny(trimmed, "?#"):
		return nil, rest.InvalidArgument(argument, "must not have a query or a fragment")
	case err != nil:
		return nil, rest.InvalidArgument(argument, "must be a URL, as https://deis.example.com")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, rest.InvalidArgument(fmt.Sprintf("%s %.200q", argument, controllerURL), "must begin with https:// or http://")
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":"): // as after "https:/deis.example.com"
		return nil, rest.InvalidArgument(fmt.Sprintf("%s %.200q", argument, controllerURL), "must have a host")
	case versioned(u.Path):
		return nil, rest.InvalidArgument(fmt.Sprintf("%s %.200q", argument, controllerURL), "must not end in the API version: calls add it")
	}
	return u.JoinPath(), nil
}
