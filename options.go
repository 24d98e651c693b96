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
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// An Option configures a Client.
type Option func(*options)

// options are the Options of a Client, applied. errs gathers everything that is wrong with them, so that New reports
// all of it.
type options struct {
	baseURL     *url.URL
	token       func() string // a function, so that printing the struct does not show it
	tokenFunc   func(context.Context) (string, error)
	api         version.API
	httpClient  *http.Client
	transport   http.RoundTripper
	tlsConfig   *tls.Config
	insecure    bool // the profile says that certificates are not verified
	obeyProfile bool // WithInsecureProfile is set
	overridden  bool // insecure is set, but certificates are verified
	application string
	retry       RetryPolicy
	logger      *slog.Logger
	dump        io.Writer
	noVersion   bool // leaves out the version header
	errs        []error
}

// WithToken makes calls on behalf of the token's user. Auth.Login returns a token. An empty token means none.
func WithToken(token string) Option {
	return func(s *options) {
		if err := checkToken(token); err != nil {
			s.errs = append(s.errs, err)
		}
		s.token, s.tokenFunc = func() string { return token }, nil
	}
}

// WithTokenFunc gets the token from a function, for tokens that are rotated or kept elsewhere. The client calls the
// function once for each call, even if it is retried, with the call's context and after the call has waited for its
// turn. An empty token means none. If the function returns an error, the call returns it and nothing is sent. The
// function must be safe for concurrent use.
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
	switch {
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return rest.InvalidArgument("token", "must be printable ASCII without spaces")
	case isURL(token): // then the token may have been given as the URL
		return rest.InvalidArgument("token", "must not be a URL")
	}
	return nil
}

func isURL(text string) bool {
	text = strings.ToLower(text)
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

// WithAPIVersion pins the API version instead of negotiating it: 1.6 or 2.3, or an older minor version of one of them.
//
// A pinned client sends no version probe. Until it has seen one response that names a version, it cannot distinguish a
// gateway's response from the Controller's: a 404 matches ErrNotFound, and a 200 that looks like the result is taken
// for it. To rule that out, make a copy of a client that has negotiated: see Client.With.
func WithAPIVersion(api version.API) Option {
	return func(s *options) {
		if spoken, err := version.Negotiate(api); err != nil || spoken != api {
			s.fail("API version "+api.String(), "must be one that the SDK speaks, up to 1.6 or 2.3")
		}
		s.api = api
	}
}

// WithHTTPClient makes requests through a copy of the given client. The copy uses its transport, timeout and cookies,
// but follows only redirects that send the token to no other host.
func WithHTTPClient(client *http.Client) Option {
	return func(s *options) {
		if client == nil {
			s.fail("HTTP client", "must not be nil")
			return
		}
		s.httpClient = client
	}
}

// WithTransport makes requests through the given transport, even if the client of WithHTTPClient has another.
func WithTransport(transport http.RoundTripper) Option {
	return func(s *options) {
		if transport == nil {
			s.fail("transport", "must not be nil")
			return
		}
		s.transport = transport
	}
}

// WithTLSConfig sets how TLS connections are made, for example to trust a private CA. It is set in a copy of the
// transport. If a transport is given, it must be an *http.Transport.
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
		// These characters cannot be in a token of RFC 9110.
		isForbidden := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }
		if name == "" || strings.ContainsFunc(name, isForbidden) || strings.ContainsFunc(version, isForbidden) {
			s.fail(fmt.Sprintf("application %.50q %.50q", name, version), "must be a name and a version without spaces or separators")
		}
		s.application = strings.TrimSuffix(name+"/"+version, "/")
	}
}

// WithRetry sets how often, and after what delays, calls are retried; RetryPolicy says which calls. The default is up to
// three retries, after random waits of up to 250 ms, 500 ms and one second. The zero policy never retries.
func WithRetry(policy RetryPolicy) Option {
	return func(s *options) {
		if err := policy.Check(); err != nil {
			s.errs = append(s.errs, err)
		}
		s.retry = policy
	}
}

// WithLogger logs each call, including version probes, at level debug, and each retry at level warn, without headers,
// queries or bodies.
func WithLogger(logger *slog.Logger) Option {
	return func(s *options) { s.logger = logger }
}

// WithDump writes every exchange to w as it went over the wire, for a person who debugs: the request in lines that
// begin with >, the response in lines that begin with <, each with the first 64 KiB of its body. Tokens, passwords,
// private keys, cookies and the values of config variables are redacted, in requests and responses, if they have at
// least four characters; of the config that a Controller returns, nothing is shown. Each exchange is written in one
// Write, after its response has been read, so that exchanges never mix.
func WithDump(w io.Writer) Option {
	return func(s *options) {
		if w == nil {
			s.fail("dump", "must not be nil")
			return
		}
		s.dump = &lockedWriter{w: w}
	}
}

// A lockedWriter serializes the writes of a client and all its copies.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// WithoutVersionHeader leaves the header DEIS_API_VERSION out of requests. Some proxies refuse header names with a _
// and respond with a bare 400. Controllers do not need the header.
func WithoutVersionHeader() Option {
	return func(s *options) { s.noVersion = true }
}

// WithInsecureProfile makes FromProfile and FromEnv obey a profile that says ssl_verify: false, which turns off the
// verification of TLS certificates. Without this option they verify, because older deis clients wrote false into every
// profile.
func WithInsecureProfile() Option {
	return func(s *options) { s.obeyProfile = true }
}

func noToken() string { return "" }

func (s *options) fail(argument, rule string) {
	s.errs = append(s.errs, rest.InvalidArgument(argument, rule))
}

// with returns a copy with the options applied and the HTTP client made. The error joins everything that is wrong.
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
	idleTimeout = 45 * time.Second // load balancers usually close idle connections after 60 seconds
	idlePerHost = 64               // so many concurrent calls can keep their connections
	pingAfter   = 15 * time.Second // an HTTP/2 connection is pinged after so long a silence, and closed if the pong takes as long
)

// newTransport makes the transport of a client that is given none. If the program has replaced http.DefaultTransport,
// for tracing or in tests, it returns the replacement.
func newTransport(insecure bool) http.RoundTripper {
	usual, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	own := usual.Clone() // with proxies from the environment, and HTTP/2
	own.IdleConnTimeout = idleTimeout
	own.MaxIdleConns = 0 // no limit other than the one per host, since there is one host
	own.MaxIdleConnsPerHost = idlePerHost
	own.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter} // otherwise a dead connection would be used for good
	if insecure {
		own.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the profile asks for it; New warns
	}
	return own
}

// connect makes s.httpClient from the options about HTTP. If there are no new ones, it keeps the transport, so that
// copies of a Client share connections.
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
		s.overridden = s.insecure && !s.obeyProfile
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

// engineConfig returns the options for the engine.
func (s *options) engineConfig() rest.Config {
	return rest.Config{
		BaseURL:         s.baseURL,
		Token:           s.currentToken,
		HTTP:            s.httpClient,
		API:             s.api,
		NoVersionHeader: s.noVersion,
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

// unverifiedTransport returns the transport if it does not verify certificates, or nil.
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
		s.logger.Warn("deis: TLS certificates are not verified: anybody between the program and the Controller can read the token", "controller", s.baseURL.Host)
	}
}

func (s *options) userAgent() string {
	return strings.TrimSpace(s.application + " deis-go/" + version.SDK + " (" + runtime.Version() + ")")
}

// hasVersion reports whether an element of a path is an API version, such as v2. Below a controller URL of
// https://deis.example.com/v2/apps/a, older servers would carry out every request on the app a: each DELETE would
// destroy it.
func hasVersion(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(elem string) bool {
		return len(elem) > 1 && (elem[0] == 'v' || elem[0] == 'V') && strings.Trim(elem[1:], "0123456789") == ""
	})
}

// aToken is a token as real Controllers make them, and likelyToken finds what could be a token of any server.
var (
	aToken      = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)
	likelyToken = regexp.MustCompile(`[0-9A-Za-z_]{32}`)
)

// parseURL parses a controller URL. Without a scheme it is https. No error shows the token, if it was given as the URL or
// in it.
func parseURL(controllerURL, token string) (*url.URL, error) {
	const argument = "controller URL"
	trimmed := strings.TrimSpace(controllerURL)
	if trimmed == "" {
		return nil, rest.InvalidArgument(argument, "must not be empty")
	}
	if !strings.Contains(trimmed, "://") {
		trimmed = "https://" + trimmed
	}
	u, err := url.Parse(trimmed)
	quoted := argument
	if hasToken := token != "" && strings.Contains(controllerURL, token); !hasToken && !likelyToken.MatchString(controllerURL) {
		quoted = fmt.Sprintf("%s %.200q", argument, controllerURL)
	}
	switch {
	case strings.Contains(trimmed, "@"): // wherever a typo has put it; such a URL is never quoted
		return nil, rest.InvalidArgument(argument, "must not have a username or password in it: use WithToken or Login")
	case strings.ContainsAny(trimmed, "?#"):
		return nil, rest.InvalidArgument(argument, "must not have a query or a fragment")
	case err != nil:
		return nil, rest.InvalidArgument(argument, "must be a URL like https://deis.example.com")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, rest.InvalidArgument(quoted, "must begin with https:// or http://")
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":"): // for example "https:/deis.example.com"
		return nil, rest.InvalidArgument(quoted, "must have a host")
	case aToken.MatchString(u.Hostname()) || token != "" && strings.EqualFold(u.Hostname(), token):
		return nil, rest.InvalidArgument(argument, "must not be a token")
	case hasVersion(u.Path):
		return nil, rest.InvalidArgument(quoted, "must not have an API version in its path: calls add it")
	}
	return u.JoinPath(), nil
}
