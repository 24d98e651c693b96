package deis

import (
	"context"
	"errors"
	"strings"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/domains"
	"github.com/deisgo/deis/keys"
	"github.com/deisgo/deis/perms"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/services"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/tls"
	"github.com/deisgo/deis/users"
	"github.com/deisgo/deis/version"
)

// A Client talks to one Controller on behalf of one user. It is safe for concurrent use; make one and keep it, since
// it keeps connections. Printing it shows no token.
type Client struct {
	Apps     *apps.Service
	Auth     *auth.Service
	Builds   *builds.Service
	Certs    *certs.Service
	Config   *config.Service
	Domains  *domains.Service
	Keys     *keys.Service
	Perms    *perms.Service
	Pods     *pods.Service
	Releases *releases.Service
	Users    *users.Service

	// These are for API 2.3 and newer.
	Services *services.Service
	Settings *settings.Service
	TLS      *tls.Service

	options *options
	rest    *rest.Client
}

// New makes a client for the Controller at controllerURL; a URL without a scheme is https, and a path in it is kept.
// New sends nothing. Its error joins everything that is wrong with its arguments and matches ErrInvalidArgument.
//
// Without WithToken a client can register, log in and negotiate.
func New(controllerURL string, opts ...Option) (*Client, error) {
	baseURL, err := parseURL(controllerURL)
	s, optErr := options{baseURL: baseURL, token: noToken, retry: rest.DefaultRetryPolicy}.with(opts)
	if err := errors.Join(err, optErr); err != nil {
		return nil, err
	}
	s.warnUnverified()
	return s.newClient(rest.New(s.engine())), nil
}

// Login makes a client with the token that the Controller gives for a username and a password. The error is
// auth.ErrInvalidCredentials if one of them is wrong.
func Login(ctx context.Context, controllerURL, username, password string, opts ...Option) (*Client, error) {
	client, err := New(controllerURL, opts...)
	if err != nil {
		return nil, err
	}
	token, err := client.Auth.Login(ctx, username, password)
	if err != nil {
		return nil, err
	}
	return client.With(WithToken(token))
}

// newClient wires the services.
func (s *options) newClient(engine *rest.Client) *Client {
	return &Client{
		Apps:     apps.New(engine),
		Auth:     auth.New(engine),
		Builds:   builds.New(engine),
		Certs:    certs.New(engine),
		Config:   config.New(engine),
		Domains:  domains.New(engine),
		Keys:     keys.New(engine),
		Perms:    perms.New(engine),
		Pods:     pods.New(engine),
		Releases: releases.New(engine),
		Services: services.New(engine),
		Settings: settings.New(engine),
		TLS:      tls.New(engine),
		Users:    users.New(engine),
		options:  s,
		rest:     engine,
	}
}

// With returns a copy of the client with more options, for another user's token or a pinned version for example. The
// copy shares the connections, unless an option changes them, the negotiated version, and the turns in which writes to
// one app follow each other.
func (c *Client) With(opts ...Option) (*Client, error) {
	s, err := c.options.with(opts)
	if err != nil {
		return nil, err
	}
	if s.unverifiedTransport() != c.options.unverifiedTransport() || s.logger != c.options.logger { // or c has warned already
		s.warnUnverified()
	}
	return s.newClient(c.rest.With(s.engine())), nil
}

// URL returns the URL of the Controller, without a trailing slash.
func (c *Client) URL() string { return strings.TrimSuffix(c.options.baseURL.String(), "/") }

// String shows the URL and the version that calls speak, as far as it is known, and never the token.
func (c *Client) String() string {
	api := "not negotiated yet"
	if pinned := c.options.api; pinned != (version.API{}) {
		api = pinned.String()
	} else if server, ok := c.Server(); ok {
		if agreed, err := version.Negotiate(server.API); err == nil {
			api = agreed.String()
		}
	}
	return "deis.Client(" + c.URL() + ", API " + api + ")"
}

// GoString is String, for %#v.
func (c *Client) GoString() string { return c.String() }

// Token returns the token that calls are made with, "" if there is none or if WithTokenFunc gives it.
func (c *Client) Token() string { return c.options.token() }

// Negotiate returns the API version that calls speak: what WithAPIVersion says, or the newest that the Controller and
// the SDK have in common. The first call of any kind negotiates by itself; use Negotiate to know the version, or to
// see whether the Controller can be reached. The error is a *version.MismatchError if they have none in common, and
// matches ErrNotController if something else responds.
func (c *Client) Negotiate(ctx context.Context) (version.API, error) { return c.rest.Negotiate(ctx) }

// Server returns what the Controller last said about itself; false before its first response.
func (c *Client) Server() (Server, bool) { return c.rest.Server() }

// REST returns the engine below the services, for resources that the SDK does not have.
func (c *Client) REST() *rest.Client { return c.rest }

// CloseIdleConnections closes the connections that no call uses at the moment, those of copies too. A program that
// ends need not call it.
func (c *Client) CloseIdleConnections() { c.options.httpClient.CloseIdleConnections() }
