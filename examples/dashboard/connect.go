package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
	"github.com/deisgo/deis/version"
)

// This file makes the clients of the Controller that the flags name.

const (
	usualRequests = 2 // a second
	usualRound    = 10 * time.Second
	demoRequests  = 20 // a Controller in memory can take more
	demoRound     = 2 * time.Second
	loginTimeout  = 30 * time.Second
	pingAfter     = 15 * time.Second // of silence on an HTTP/2 connection, to detect a dead one
)

// connect makes a dashboard for the Controller that the options name.
func connect(ctx context.Context, o options, log *slog.Logger) (*dashboard, error) {
	if o.inMemory() {
		return connectDemo(ctx, o, log)
	}
	transport, err := newTransport(o.ca)
	if err != nil {
		return nil, err
	}
	client, err := o.client(ctx, deis.WithApplication("dashboard", version.SDK), deis.WithTransport(transport), deis.WithLogger(log))
	if err != nil {
		return nil, err
	}
	d, err := dashboardOf(client, transport, cmp.Or(o.requests, usualRequests), usualRound, log)
	if err != nil {
		return nil, err
	}
	if address, err := url.Parse(client.URL()); err == nil {
		d.controller = address.Host // without the rest of the URL
		if below, found := strings.CutPrefix(address.Hostname(), "deis."); found {
			d.platform = below
		}
	}
	return d, nil
}

func connectDemo(ctx context.Context, o options, log *slog.Logger) (*dashboard, error) {
	api, err := version.Parse(o.api)
	if err != nil {
		return nil, err
	}
	if _, err := version.Negotiate(api); err != nil {
		return nil, err
	}
	demo, err := newDemo(ctx, api)
	if err != nil {
		return nil, err
	}
	d, err := dashboardOf(demo.admin, demo.controller.Transport(), cmp.Or(o.requests, demoRequests), demoRound, log)
	if err != nil {
		return nil, err
	}
	go demo.live(ctx, time.Second)
	d.controller, d.platform = "a Controller in memory", "example.com"
	return d, nil
}

// dashboardOf makes a dashboard that writes with the client, and reads with a copy that has a budget.
func dashboardOf(client *deis.Client, transport http.RoundTripper, requests float64, round time.Duration, log *slog.Logger) (*dashboard, error) {
	quiet, err := client.With(
		deis.WithTransport(snapshot.NewBudget(requests).Transport(transport)),
		deis.WithRetry(deis.RetryPolicy{}), // the readers have their own back-off
	)
	if err != nil {
		return nil, err
	}
	return newDashboard(client, quiet, round, log), nil
}

// client makes the client for a Controller that is not in memory.
func (o *options) client(ctx context.Context, opts ...deis.Option) (*deis.Client, error) {
	switch {
	case o.profile != "":
		return deis.FromProfile(o.profile, opts...)
	case o.controllerURL == "" && o.username == "":
		return deis.FromEnv(opts...)
	}
	address := cmp.Or(o.controllerURL, os.Getenv("DEIS_CONTROLLER"))
	if address == "" {
		return nil, errors.New("-username needs a Controller: set DEIS_CONTROLLER or give -controller")
	}
	if o.username == "" {
		token := os.Getenv("DEIS_TOKEN")
		if token == "" {
			return nil, errors.New("-controller needs a user: set DEIS_TOKEN, or give -username and set DEIS_PASSWORD")
		}
		return deis.New(address, append(opts, deis.WithToken(token))...)
	}
	password := os.Getenv("DEIS_PASSWORD")
	if password == "" {
		return nil, errors.New("-username needs a password: set DEIS_PASSWORD")
	}
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	return deis.Login(ctx, address, o.username, password, opts...)
}

// newTransport makes Go's default transport, which also trusts the authority in a file if one is given.
func newTransport(caFile string) (http.RoundTripper, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter}
	if caFile == "" {
		return transport, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("-ca-file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("-ca-file: %s contains no certificate in PEM form", caFile)
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	return transport, nil
}
