// Package pods lists, restarts and scales an app's processes.
//
// Document: "Containers" in the v1.6 document, "Pods" in that of 2.2. One type serves for both: a container of v1.6 is
// a Pod whose name is its type and number, "web.1".
package pods

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/deisgo/deis/rest"
)

// Service manages processes. Use it as Client.Pods; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Pods.
func New(client *rest.Client) *Service { return &Service{client} }

// A Pod is one running process of an app.
type Pod struct {
	Name    string    `json:"name"`    // "go-v2-web-e7dej"; in v1.6 type and number, "web.1"
	Type    string    `json:"type"`    // the process type: "web", "cmd", …
	State   string    `json:"state"`   // "up" when it runs; "initialized", "created", "down", "crashed", "destroyed", …
	Release string    `json:"release"` // the release that it runs, "v2"
	Started rest.Time `json:"started"` // 2.x only

	// These are v1.6 only.
	App     string    `json:"app"`
	Owner   string    `json:"owner"`
	Num     int       `json:"num"` // counts from 1 for each type
	UUID    string    `json:"uuid"`
	Created rest.Time `json:"created"`
	Updated rest.Time `json:"updated"`
}

// UnmarshalJSON reads a pod of either version, and names those of v1.6.
func (p *Pod) UnmarshalJSON(data []byte) error {
	type plain Pod
	if err := json.Unmarshal(data, (*plain)(p)); err != nil {
		return err
	}
	if p.Name == "" {
		p.Name = p.Type + "." + strconv.Itoa(p.Num)
	}
	return nil
}

// ListOptions choose a type and a page. Real 2.x Controllers answer with all pods at once, whatever the page size: they
// are the first page, and any other is empty.
type ListOptions struct {
	Type     string // only pods of this process type; "" for all
	PageSize int    // items a page, from 1; 0 leaves it to the Controller. v1.6 only
	Page     int    // which page, from 1; 0 is the first. v1.6 only
}

func (o ListOptions) page() rest.ListOptions {
	return rest.ListOptions{PageSize: o.PageSize, Page: o.Page}
}

// RestartOptions say what to restart: everything if they are empty.
type RestartOptions struct {
	Type string // all pods of this process type, or with Name that one of them

	// Name is one pod, as Pod.Name has it; in v1.6 its number does as well if Type is given. Without Type the pod is
	// looked up first, and an unknown name is an error that matches rest.ErrNotFound. With Type it is not: real 2.2
	// Controllers answer an unknown name of a known type with 200 and some other pod, and restart nothing.
	Name string
}

// ErrNothingRestarted says that the Controller restarted nothing: the app has no such pods. Match it with errors.Is.
var ErrNothingRestarted = errors.New("deis: nothing was restarted")

// List returns the pods of an app, or one page of them in v1.6.
//
//deis:operation v1.6 GET /apps/{app}/containers/
//deis:operation v1.6 GET /apps/{app}/containers/{type}/
//deis:operation v2.2 GET /apps/{app}/pods/
//deis:operation v2.2 GET /apps/{app}/pods/{type}/
func (s *Service) List(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) (*rest.Page[Pod], error) {
	at, err := s.listPath(ctx, app, o)
	if err != nil {
		return nil, err
	}
	page, err := rest.List[Pod](ctx, s.client, at, o.page(), opts...)
	if err != nil {
		return nil, err
	}
	if len(page.Items) == page.Count && o.Page > 1 { // the whole list, so a loop over the pages must end here
		page.Items = nil
	}
	return page, nil
}

// All ranges over an app's pods; see rest.All. In 2.x it ranges over all of them, whatever the page.
func (s *Service) All(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) iter.Seq2[Pod, error] {
	opts = slices.Clone(opts)
	return func(yield func(Pod, error) bool) {
		at, err := s.listPath(ctx, app, o)
		if err != nil {
			yield(Pod{}, err)
			return
		}
		rest.All[Pod](ctx, s.client, at, o.page(), opts...)(yield)
	}
}

// Restart restarts an app's pods, or some of them, and returns what the Controller says of them afterwards: in 2.2 not
// always the pods that took the place of the old. It takes seconds. The error is ErrNothingRestarted if there were no
// such pods.
//
// One pod of 2.x is restarted through /pods/{type}/{name}/restart/: real 2.2 Controllers read the name in the
// documented /pods/{name}/restart/ as a type, and restart nothing.
//
//deis:operation v1.6 POST /apps/{app}/containers/restart/
//deis:operation v1.6 POST /apps/{app}/containers/{type}/restart/
//deis:operation v1.6 POST /apps/{app}/containers/{type}/{num}/restart/
//deis:operation v2.2 POST /apps/{app}/pods/restart/
//deis:operation v2.2 POST /apps/{app}/pods/{type}/restart/
func (s *Service) Restart(ctx context.Context, app string, o RestartOptions, opts ...rest.CallOption) ([]Pod, error) {
	at, err := s.restartPath(ctx, app, o)
	if err != nil {
		return nil, err
	}
	pods, err := rest.Post[[]Pod](ctx, s.client, at, nil, opts...)
	if err != nil {
		return nil, err
	}
	if len(*pods) == 0 {
		return nil, fmt.Errorf("%w: app %s has no such pods", ErrNothingRestarted, app)
	}
	return *pods, nil
}

// Scale sets how many pods of each type shall run; types that it does not name stay as they are. It returns when they
// do, or are gone, which takes a minute and more on the way down.
//
// A 2.2 Controller that answers 503 has stored the new numbers, but not carried them out, and answers a repetition with
// success without doing anything: scale to another number first. Scale is therefore never tried again by itself.
//
//deis:operation v1.6,v2.2 POST /apps/{app}/scale/
func (s *Service) Scale(ctx context.Context, app string, structure map[string]int, opts ...rest.CallOption) error {
	if len(structure) == 0 {
		return rest.InvalidArgument("structure", "must name a process type")
	}
	if err := checkNumbers(app, "number", structure); err != nil {
		return err
	}
	_, err := rest.Post[struct{}](ctx, s.client, rest.Path("apps", app, "scale"), structure, opts...)
	return err
}

// checkNumbers refuses process types and numbers of them that cannot be.
func checkNumbers(app, argument string, numbers map[string]int) error {
	for procType, number := range numbers {
		if err := rest.Path("apps", app, "pods", procType).Err(); err != nil {
			return err
		}
		if number < 0 {
			return rest.InvalidArgument(argument+" of "+procType, "must not be negative")
		}
	}
	return nil
}

// listPath is where an app's pods are listed. It checks the options before it asks for the version.
func (s *Service) listPath(ctx context.Context, app string, o ListOptions) (rest.Endpoint, error) {
	if err := o.page().Check(); err != nil {
		return rest.Endpoint{}, err
	}
	collection, err := s.collection(ctx, app, o.Type)
	if err != nil {
		return rest.Endpoint{}, err
	}
	if o.Type == "" {
		return rest.Path("apps", app, collection), nil
	}
	return rest.Path("apps", app, collection, o.Type), nil
}

// restartPath is where the pods that the options name are restarted. It looks up the type of a pod that is named alone.
func (s *Service) restartPath(ctx context.Context, app string, o RestartOptions) (rest.Endpoint, error) {
	if o.Name != "" { // checked before the version is asked for, which tells whether the dot of "web.1" may be in it
		name := strings.ReplaceAll(o.Name, ".", "")
		if err := rest.Path("apps", app, "pods", cmp.Or(o.Type, "any"), name).Err(); err != nil {
			return rest.Endpoint{}, err
		}
	}
	collection, err := s.collection(ctx, app, o.Type)
	switch {
	case err != nil:
		return rest.Endpoint{}, err
	case o.Type == "" && o.Name == "":
		return rest.Path("apps", app, collection, "restart"), nil
	case o.Name == "":
		return rest.Path("apps", app, collection, o.Type, "restart"), nil
	case collection == "containers":
		procType, num, err := container(o)
		if err != nil {
			return rest.Endpoint{}, err
		}
		return rest.Path("apps", app, collection, procType, num, "restart"), nil
	case o.Type == "":
		if o.Type, err = s.typeOf(ctx, app, o.Name); err != nil {
			return rest.Endpoint{}, err
		}
	}
	return rest.Path("apps", app, collection, o.Type, o.Name, "restart"), nil
}

// collection is what the version calls an app's pods. It checks the identifiers before it asks for the version.
func (s *Service) collection(ctx context.Context, app, procType string) (string, error) {
	if err := rest.Path("apps", app).Err(); err != nil {
		return "", err
	}
	if procType != "" {
		if err := rest.Path("apps", app, "pods", procType).Err(); err != nil {
			return "", err
		}
	}
	api, err := s.client.Negotiate(ctx)
	switch {
	case err != nil:
		return "", err
	case api.Major >= 2:
		return "pods", nil
	case strings.HasPrefix(procType, "restart"):
		// v1.6 Controllers read such a type as the word, and restart everything.
		return "", rest.InvalidArgument(fmt.Sprintf("process type %q", procType), `must not begin with "restart" in API 1.x`)
	}
	return "containers", nil
}

// container takes a v1.6 container's name apart.
func container(o RestartOptions) (procType, num string, err error) {
	procType, num = o.Type, o.Name
	if dot := strings.LastIndexByte(o.Name, '.'); dot >= 0 {
		procType, num = o.Name[:dot], o.Name[dot+1:]
	}
	n, notNumber := strconv.Atoi(num)
	if notNumber != nil || n < 1 || procType == "" || o.Type != "" && procType != o.Type {
		return "", "", rest.InvalidArgument(fmt.Sprintf("pod name %.100q", o.Name),
			"must be type and number in API 1.x, as in web.1, or a number beside its type")
	}
	if strings.HasPrefix(procType, "restart") {
		return "", "", rest.InvalidArgument("pod name "+procType, `must not begin with "restart" in API 1.x`)
	}
	return procType, strconv.Itoa(n), nil
}

// typeOf looks up which type a pod is of.
func (s *Service) typeOf(ctx context.Context, app, name string) (string, error) {
	if err := rest.Path("apps", app, "pods", "any", name).Err(); err != nil {
		return "", err
	}
	for pod, err := range s.All(ctx, app, ListOptions{}) {
		if err != nil {
			return "", err
		}
		if pod.Name == name {
			return pod.Type, nil
		}
	}
	return "", fmt.Errorf("deis: app %s has no pod %s: %w", app, name, rest.ErrNotFound)
}
