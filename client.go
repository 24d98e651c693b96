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

// A Client talks to one Controller on behalf of one user. It is safe for concurrent use. It keeps connections, so make
// one and keep it. Printing it shows no token.
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

	// These need API 2.3 or newer.
	Services *services.Service
	Settings *settings.Service
	TLS      *tls.Service

	options *options
	rest    *rest.Client
}

// New makes a client for the Controller at controllerURL. A URL without a scheme means https. Its path is kept, and must
// not have an API version in it, such as v2: calls add it. New sends nothing. Its error joins everything that is wrong
// with its arguments, and matches ErrInvalidArgument.
//
// A client without a token can register, log in and negotiate.
func New(controllerURL string, opts ...Option) (*Client, error) {
	s, optErr := options{token: noToken, retry: rest.DefaultRetryPolicy}.with(opts)
	baseURL, err := parseURL(controllerURL, s.token())
	if err := errors.Join(err, optErr); err != nil {
		return nil, err
	}
	s.baseURL = baseURL
	s.warnUnverified()
	return s.newClient(rest.New(s.engineConfig())), nil
}

// Login makes a client with the token that the Controller gives for a username and a password. The error matches
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

// newClient makes a client with all services.
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

// With returns a copy of the client with more options, for example another user's token or a pinned version. The copy
// shares the negotiated version, the turns that writes to one app take and, unless an option changes them, the
// connections.
func (c *Client) With(opts ...Option) (*Client, error) {
	s, err := c.options.with(opts)
	if err != nil {
		return nil, err
	}
	if s.unverifiedTransport() != c.options.unverifiedTransport() || s.logger != c.options.logger { // otherwise c has warned already
		s.warnUnverified()
	}
	return s.newClient(c.rest.With(s.engineConfig())), nil
}

// URL returns the URL of the Controller, without a trailing slash.
func (c *Client) URL() string { return strings.TrimSuffix(c.options.baseURL.String(), "/") }

// String shows the URL and, if it is known, the version that calls speak, but never the token.
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

// Token returns the token that calls are made with, or "" if there is none or WithTokenFunc provides it.
func (c *Client) Token() string { return c.options.token() }

// Negotiate returns the API version that calls speak: that of WithAPIVersion, or the newest that the Controller and the
// SDK have in common. The first call negotiates it; use Negotiate to find out the version, or whether the Controller
// can be reached. The error is a *version.MismatchError if there is no common version, and matches ErrNotController if
// something else responds.
func (c *Client) Negotiate(ctx context.Context) (version.API, error) { return c.rest.Negotiate(ctx) }

// Server returns the versions that the Controller last reported, or false before its first response.
func (c *Client) Server() (Server, bool) { return c.rest.Server() }

// REST returns the engine below the services, for resources that the SDK does not have.
func (c *Client) REST() *rest.Client { return c.rest }

// CloseIdleConnections closes the connections that no call is using, including those that copies share. A program need
// not call it before it exits.
func (c *Client) CloseIdleConnections() { c.options.httpClient.CloseIdleConnections() }
