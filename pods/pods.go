// Package pods lists, restarts and scales an app's processes.
//
//	err := client.Pods.Scale(ctx, "example-go", map[string]int{"web": 3})
//	ready, err := client.Pods.WaitReady(ctx, "example-go", pods.WaitOptions{Want: map[string]int{"web": 3}})
//	restarted, err := client.Pods.Restart(ctx, "example-go", pods.RestartOptions{Type: "web"})
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
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages processes. Use it as Client.Pods; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Pods.
func New(client *rest.Client) *Service { return &Service{client} }

// A Pod is one running process of an app.
type Pod struct {
	Name    string    `json:"name" deis:"name"` // "go-v2-web-e7dej"; in v1.6 type and number, "web.1"
	Type    string    `json:"type" deis:"type"` // the process type: "web", "cmd", …
	State   string    `json:"state"`            // "up" when it runs; "initialized", "created", "down", "crashed", "destroyed", …
	Release string    `json:"release"`          // the release that it runs, "v2"
	Started rest.Time `json:"started"`          // 2.x only

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
	if p.Name == "" && p.Num > 0 {
		p.Name = p.Type + "." + strconv.Itoa(p.Num)
	}
	return nil
}

// ListOptions choose a type and a page. Real 2.x Controllers respond with all pods at once, whatever the page size: they
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

	// Name is one pod, as Pod.Name has it; in v1.6 its number does as well if Type is given. In 2.x the pod is looked up
	// first, and an unknown name is an error that matches rest.ErrNotFound: real Controllers respond to it with 200 and
	// some other pod, and restart nothing.
	Name string
}

// ErrNothingRestarted says that the Controller restarted nothing: the app has no such pods. Match it with errors.Is.
var ErrNothingRestarted = errors.New("deis: nothing was restarted")

// ErrNotScaled says that a 2.x Controller has stored the numbers, but not carried them out, and that it would do nothing if
// it was asked for the same again. Scale to another number first. Match it with errors.Is.
var ErrNotScaled = errors.New("deis: the numbers are stored already, but not carried out")

// List returns the pods of an app, or one page of them in v1.6. An empty list does not mean that nothing runs: real 2.x
// Controllers respond with one while they cannot reach Kubernetes.
//
//deis:operation v1.6 GET /apps/{app}/containers/
//deis:operation v1.6 GET /apps/{app}/containers/{type}/
//deis:operation v2.2,v2.3 GET /apps/{app}/pods/
//deis:operation v2.2,v2.3 GET /apps/{app}/pods/{type}/
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
// always the pods that took the place of the old. It takes seconds. The error matches ErrNothingRestarted if there were no
// such pods.
//
// One pod of 2.x is restarted through /pods/{type}/{name}/restart/: real 2.2 Controllers read the name in the
// documented /pods/{name}/restart/ as a type, and restart nothing.
//
//deis:operation v1.6 POST /apps/{app}/containers/restart/
//deis:operation v1.6 POST /apps/{app}/containers/{type}/restart/
//deis:operation v1.6 POST /apps/{app}/containers/{type}/{num}/restart/
//deis:operation v2.2,v2.3 POST /apps/{app}/pods/restart/
//deis:operation v2.2,v2.3 POST /apps/{app}/pods/{type}/restart/
//deis:operation v2.3 POST /apps/{app}/pods/{type}/{name}/restart/
func (s *Service) Restart(ctx context.Context, app string, o RestartOptions, opts ...rest.CallOption) ([]Pod, error) {
	at, err := s.restartPath(ctx, app, o, opts)
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
// A 2.x Controller that responds with 503 has stored the new numbers, but not carried them out, and responds to a repetition
// with success without doing anything. The error matches ErrNotScaled, and Scale is never retried by itself. In 2.x it looks
// first what is stored: if the numbers are, but the pods are not there, it sends nothing, and the error matches ErrNotScaled,
// too.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{app}/scale/
func (s *Service) Scale(ctx context.Context, app string, structure map[string]int, opts ...rest.CallOption) error {
	if len(structure) == 0 {
		return rest.InvalidArgument("structure", "must name a process type")
	}
	if err := checkNumbers(app, "number", structure); err != nil {
		return err
	}
	look := rest.WithLook(func(ctx context.Context) error { // no other Scale of this client is under way then
		return s.checkScalable(ctx, app, structure, append(slices.Clone(opts), rest.WithoutResponse()))
	})
	_, err := rest.Post[struct{}](ctx, s.client, rest.Path("apps", app, "scale"), structure, append(slices.Clone(opts), look)...)
	var failed *rest.Error
	if errors.As(err, &failed) && failed.StatusCode == http.StatusServiceUnavailable && failed.FromController() && failed.API.Major >= 2 {
		return fmt.Errorf("%w: %w: scale to another number first", err, ErrNotScaled)
	}
	return err
}

// checkScalable returns an error that matches ErrNotScaled if a Controller would do nothing, although the pods are not as
// many as wanted.
func (s *Service) checkScalable(ctx context.Context, app string, wanted map[string]int, opts []rest.CallOption) error {
	api, err := s.client.Negotiate(ctx)
	if err != nil || api.Major == 1 { // which carries out what it has stored
		return err
	}
	stored, err := rest.Get[struct {
		ID        string         `json:"id" deis:"apps"`
		Structure map[string]any `json:"structure"` // real Controllers store it unchecked
	}](ctx, s.client, rest.Path("apps", app), opts...)
	if err != nil {
		return err
	}
	for procType, number := range wanted {
		if stored.Structure[procType] != float64(number) {
			return nil // something changes, and then the Controller scales every type that it is told
		}
	}
	there := make(map[string]int)
	for pod, err := range s.All(ctx, app, ListOptions{}, opts...) {
		if err != nil {
			return err
		}
		if !slices.Contains(ending, pod.State) {
			there[pod.Type]++
		}
	}
	var wrong []string
	for _, procType := range slices.Sorted(maps.Keys(wanted)) {
		number := wanted[procType]
		if there[procType] > number && number > 0 { // more than stored are normal if the type is scaled by itself
			autoscaled, err := s.autoscaled(ctx, app, procType, api, opts)
			if err != nil {
				return err
			}
			if autoscaled {
				continue
			}
		}
		if there[procType] != number {
			wrong = append(wrong, fmt.Sprintf("%d of %s stored, %d there", number, procType, there[procType]))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%w: app %s: %s: scale to another number first, unless the pods are only starting or Kubernetes cannot be reached",
		ErrNotScaled, app, strings.Join(wrong, ", "))
}

// ending are the states of pods that are on their way out.
var ending = []string{StateTerminating, StateDown, StateDestroyed}

// autoscaled reports whether a process type is scaled by itself, as API 2.3 can.
func (s *Service) autoscaled(ctx context.Context, app, procType string, api version.API, opts []rest.CallOption) (bool, error) {
	if !api.AtLeast(version.V2_3) {
		return false, nil
	}
	settings, err := rest.Get[struct {
		App       string         `json:"app" deis:"apps"`
		Autoscale map[string]any `json:"autoscale"`
	}](ctx, s.client, rest.Path("apps", app, "settings"), opts...)
	if err != nil {
		return false, err
	}
	return settings.Autoscale[procType] != nil, nil
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

// restartPath is where the pods that the options name are restarted. In 2.x it looks up a pod that is named.
func (s *Service) restartPath(ctx context.Context, app string, o RestartOptions, opts []rest.CallOption) (rest.Endpoint, error) {
	if o.Name != "" { // checked before the version is asked for, which decides whether the dot of "web.1" may be in it
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
	}
	procType, err := s.typeOf(ctx, app, o, opts)
	if err != nil {
		return rest.Endpoint{}, err
	}
	return rest.Path("apps", app, collection, procType, o.Name, "restart"), nil
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
func (s *Service) typeOf(ctx context.Context, app string, o RestartOptions, opts []rest.CallOption) (string, error) {
	if err := rest.Path("apps", app, "pods", "any", o.Name).Err(); err != nil {
		return "", err
	}
	listed := 0
	for pod, err := range s.All(ctx, app, ListOptions{}, append(slices.Clone(opts), rest.WithoutResponse())...) {
		if err != nil {
			return "", err
		}
		if listed++; pod.Name == o.Name && (o.Type == "" || o.Type == pod.Type) {
			return pod.Type, nil
		}
	}
	if listed == 0 { // which is also what a Controller lists while Kubernetes is down
		return "", fmt.Errorf("%w: app %s lists no pods at all", ErrNothingRestarted, app)
	}
	return "", fmt.Errorf("deis: app %s has no pod %s: %w", app, strings.TrimSpace(o.Type+" "+o.Name), rest.ErrNotFound)
}
