package main

import (
	"context"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

// A demo is a small company on a Controller in memory. The Controller has no socket: only the dashboard talks to it.
type demo struct {
	controller *deistest.Controller
	admin      *deis.Client
	users      map[string]*deis.Client
}

// A team is an app of the company and the people who work on it, the owner first.
type team struct {
	app     string
	people  []string
	scale   map[string]int // nil: never deployed
	config  map[string]string
	domains []string
	special func(context.Context, *demo, team) error // what API 2.3 has, or nil
}

var company = []team{
	{app: "billing", people: []string{"alice", "bob"}, scale: map[string]int{"web": 2, "worker": 1}, domains: []string{"billing.example.com"},
		config: map[string]string{"DATABASE_URL": "postgres://billing:s3cret@db.example.com/billing", "STRIPE_KEY": "sk_test_4eC39HqLyjWD"}},
	{app: "blog", people: []string{"carol"}, scale: map[string]int{"web": 1}, config: map[string]string{"THEME": "paper"},
		domains: []string{"blog.example.com"}, special: maintain},
	{app: "gateway", people: []string{"bob", "alice"}, scale: map[string]int{"web": 4}, config: map[string]string{"UPSTREAM_TIMEOUT": "5s"},
		domains: []string{"api.example.com"}, special: autoscale},
	{app: "mailer", people: []string{"carol", "bob"}, scale: map[string]int{"web": 1, "worker": 3},
		config: map[string]string{"SMTP_URL": "smtp://mailer:hunter2@mail.example.com"}, special: failDeploy},
	{app: "playground", people: []string{"bob"}},
	{app: "search", people: []string{"bob", "carol"}, scale: map[string]int{"web": 2, "indexer": 1}, config: map[string]string{"INDEX": "products-v7"}},
	{app: "shop", people: []string{"alice", "bob", "carol"}, scale: map[string]int{"web": 3, "worker": 2}, domains: []string{"shop.example.com", "www.example.com"},
		config: map[string]string{"DATABASE_URL": "postgres://shop:correct-horse@db.example.com/shop", "PORT": "5000", "SESSION_SECRET": "9b1deb4d3b7d4bad"}},
	{app: "staging-shop", people: []string{"alice"}, scale: map[string]int{"web": 0}, config: map[string]string{"FEATURES": "all"}},
}

var brokenFirst, busiest = company[5], company[6] // search and shop

// newDemo sets up the company. Each person acts with their own account.
func newDemo(ctx context.Context, api version.API) (*demo, error) {
	people := []string{"alice", "bob", "carol"}
	options := []deistest.Option{deistest.WithAPIVersion(api), deistest.WithStartDelay(4 * time.Second)}
	for _, name := range people {
		options = append(options, deistest.WithUser(name, "opensesame"))
	}
	d := &demo{controller: deistest.New(options...), users: make(map[string]*deis.Client)}
	client := func(token string) (*deis.Client, error) {
		return deis.New("http://controller.invalid", deis.WithToken(token), deis.WithTransport(d.controller.Transport()))
	}
	var err error
	if d.admin, err = client(d.controller.Token()); err != nil {
		return nil, err
	}
	for _, name := range people {
		if d.users[name], err = client(d.controller.TokenOf(name)); err != nil {
			return nil, err
		}
	}
	for _, t := range company {
		if err := d.createApp(ctx, t); err != nil {
			return nil, fmt.Errorf("the demo's app %s: %w", t.app, err)
		}
	}
	d.crash(ctx, brokenFirst)
	if err := d.certify(ctx); err != nil {
		return nil, fmt.Errorf("the demo's certificate: %w", err)
	}
	if api.AtLeast(version.V2_3) {
		for _, t := range company {
			if t.special == nil {
				continue
			}
			if err := t.special(ctx, d, t); err != nil {
				return nil, fmt.Errorf("the demo's app %s: %w", t.app, err)
			}
		}
	}
	return d, nil
}

// maintain puts an app into maintenance mode.
func maintain(ctx context.Context, d *demo, t team) error {
	on := true
	_, err := d.users[t.people[0]].Settings.Set(ctx, t.app, settings.Changes{Maintenance: &on})
	return err
}

// autoscale turns on autoscaling of an app's web processes.
func autoscale(ctx context.Context, d *demo, t team) error {
	bounds := &settings.Autoscale{Min: 2, Max: 6, CPUPercent: 70}
	_, err := d.users[t.people[0]].Settings.Set(ctx, t.app, settings.Changes{Autoscale: map[string]*settings.Autoscale{"web": bounds}})
	if err != nil {
		return err
	}
	return d.controller.Autoscale(t.app, "web", 5)
}

// failDeploy deploys an image that is not in the registry. The app keeps running, and a failed release is left.
func failDeploy(ctx context.Context, d *demo, t team) error {
	_, err := d.users[t.people[0]].Builds.Create(ctx, t.app, builds.CreateParams{Image: "registry.example.com/missing:1", Procfile: t.procfile()})
	if err == nil {
		return errors.New("the deploy did not fail")
	}
	return nil
}

// certify gives a domain of the busiest app a certificate that expires soon, and the app limits and a health check.
func (d *demo) certify(ctx context.Context) error {
	t := busiest
	pem, key, err := newCertificate(t.domains[0], 21*24*time.Hour)
	if err != nil {
		return err
	}
	owner := d.users[t.people[0]]
	api, err := owner.Negotiate(ctx)
	if err != nil {
		return err
	}
	memory, cpu := "512M", "250m"
	changes := config.Changes{Memory: map[string]*string{"web": &memory}}
	params := certs.CreateParams{Certificate: pem, Key: key}
	if api.Major >= 2 {
		params.Name = t.app
		changes.CPU = map[string]*string{"web": &cpu}
		changes.Healthcheck = map[string]config.Healthcheck{"web": {
			config.LivenessProbe: {HTTPGet: &config.HTTPGet{Path: "/healthz", Port: 5000}, PeriodSeconds: 10},
		}}
	}
	cert, err := d.admin.Certs.Create(ctx, params)
	if err != nil {
		return err
	}
	if api.Major >= 2 {
		if err := d.admin.Certs.Attach(ctx, cert.Name, t.domains[0]); err != nil {
			return err
		}
	}
	_, err = owner.Config.Set(ctx, t.app, changes)
	return err
}

// newCertificate makes a self-signed certificate and its key, both as PEM.
func newCertificate(domain string, lasts time.Duration) (certificate, key string, err error) {
	private, err := rsa.GenerateKey(cryptorand.Reader, 2048)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: domain}, DNSNames: []string{domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lasts),
	}
	der, err := x509.CreateCertificate(cryptorand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	block := func(label string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", secret), nil
}

// createApp creates the app of a team, with a short history.
func (d *demo) createApp(ctx context.Context, t team) error {
	owner := d.users[t.people[0]]
	if _, err := owner.Apps.Create(ctx, apps.CreateParams{ID: t.app}); err != nil {
		return err
	}
	for _, name := range t.people[1:] {
		if err := owner.Perms.Grant(ctx, t.app, name); err != nil {
			return err
		}
	}
	if t.scale == nil {
		return nil
	}
	d.controller.ClearLogs(t.app) // or its first line would be newer than the past lines below
	now := time.Now()
	for i := 40; i > 0; i-- {
		d.say(t, now.Add(time.Duration(-i*7)*time.Second))
	}
	if _, err := owner.Config.SetValues(ctx, t.app, t.config); err != nil {
		return err
	}
	if err := d.deploy(ctx, t); err != nil {
		return err
	}
	for _, domain := range t.domains {
		if _, err := owner.Domains.Create(ctx, t.app, domain); err != nil {
			return err
		}
	}
	if err := d.changeConfig(ctx, t); err != nil {
		return err
	}
	if err := d.deploy(ctx, t); err != nil {
		return err
	}
	return owner.Pods.Scale(ctx, t.app, t.scale) // last: a deploy of API 1.6 starts an app that is scaled to nothing
}

// somebody returns the client of a random member of a team.
func (d *demo) somebody(t team) *deis.Client { return d.users[pick(t.people...)] }

func (t team) procfile() map[string]string {
	procfile := make(map[string]string)
	for procType := range t.scale {
		procfile[procType] = "bin/" + procType
	}
	return procfile
}

func (d *demo) deploy(ctx context.Context, t team) error {
	_, err := d.somebody(t).Builds.Create(ctx, t.app, builds.CreateParams{
		Image:    "registry.example.com/" + t.app,
		SHA:      fmt.Sprintf("%016x%016x%08x", rand.Uint64(), rand.Uint64(), rand.Uint32()),
		Procfile: t.procfile(),
	})
	return err
}

func (d *demo) changeConfig(ctx context.Context, t team) error {
	_, err := d.somebody(t).Config.SetValues(ctx, t.app, map[string]string{"CACHE_TTL": fmt.Sprintf("%ds", 30+rand.N(600))})
	return err
}

// live simulates work until the context ends: log lines all the time, and now and then a deploy, a config change, a
// rollback or a crashed pod. Errors are ignored.
func (d *demo) live(ctx context.Context, pace time.Duration) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	broken := brokenFirst
	for tick := 1; ; tick++ {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			d.say(busiest, now)
			d.say(company[rand.N(len(company))], now)
		}
		t := company[rand.N(len(company))]
		if tick%20 != 0 || t.scale == nil {
			continue
		}
		switch rand.N(5) {
		case 0, 1:
			d.deploy(ctx, t)
		case 2:
			d.changeConfig(ctx, t)
		case 3:
			d.somebody(t).Releases.Rollback(ctx, t.app, 0)
		case 4:
			d.admin.Pods.Restart(ctx, broken.app, pods.RestartOptions{})
			d.crash(ctx, t)
			broken = t
		}
	}
}

// crash crashes a pod of an app.
func (d *demo) crash(ctx context.Context, t team) {
	running, err := deis.Collect(d.admin.Pods.All(ctx, t.app, pods.ListOptions{}))
	if err != nil || len(running) == 0 {
		return
	}
	victim := running[len(running)-1]
	d.controller.CrashPod(t.app, victim.Name)
	d.log(t, victim.Type, len(running), time.Now(), "panic: runtime error: index out of range [3] with length 3")
}

// say writes a line to the log of a running app.
func (d *demo) say(t team, at time.Time) {
	procType := pick(slices.Sorted(maps.Keys(t.scale))...)
	if t.scale[procType] == 0 {
		return
	}
	var line string
	switch procType {
	case "web":
		line = fmt.Sprintf("%s /%s %s %d ms", pick("GET", "GET", "GET", "POST"),
			pick("", "products", "products/17", "cart", "orders", "healthz"), pick("200", "200", "200", "302", "404"), 2+rand.N(90))
	default:
		line = fmt.Sprintf("job %06x done in %d ms", rand.N(1<<24), 40+rand.N(2000))
	}
	d.log(t, procType, 1+rand.N(t.scale[procType]), at, line)
}

// log writes a line as the loggers of real Controllers do.
func (d *demo) log(t team, procType string, number int, at time.Time, line string) {
	d.controller.AddLog(t.app, fmt.Sprintf("%s %s[%s.%d]: %s", at.UTC().Format("2006-01-02T15:04:05UTC"), t.app, procType, number, line))
}

// pick returns a random argument, or "" if there are none.
func pick(from ...string) string {
	if len(from) == 0 {
		return ""
	}
	return from[rand.N(len(from))]
}
