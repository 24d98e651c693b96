// Package pods lists, restarts and scales an app's processes.
//
//	err := client.Pods.Scale(ctx, "example-go", map[string]int{"web": 3})
//	ready, err := client.Pods.WaitReady(ctx, "example-go", pods.WaitOptions{Want: map[string]int{"web": 3}})
//	restarted, err := client.Pods.Restart(ctx, "example-go", pods.RestartOptions{Type: "web"})
//
// API documents: "Containers" in v1.6, "Pods" in 2.2. Both are a Pod here: a container of v1.6 has its type and number
// as its name, "web.1".
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

// New returns a Service that uses client. Programs use Client.Pods.
func New(client *rest.Client) *Service { return &Service{client} }

// A Pod is one process of an app.
type Pod struct {
	Name    string    `json:"name" deis:"name"` // "go-v2-web-e7dej"; in v1.6 type and number, "web.1"
	Type    string    `json:"type" deis:"type"` // the process type: "web", "cmd", …
	State   string    `json:"state"`            // StateUp if it runs, or another state
	Release string    `json:"release"`          // its release, "v2"
	Started rest.Time `json:"started"`          // 2.x only

	// These fields are v1.6 only.
	App     string    `json:"app"`
	Owner   string    `json:"owner"`
	Num     int       `json:"num"` // counts from 1 for each type
	UUID    string    `json:"uuid"`
	Created rest.Time `json:"created"`
	Updated rest.Time `json:"updated"`
}

// UnmarshalJSON reads a pod of any version, and gives one of v1.6 its name.
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

// ListOptions choose a process type and a page. Real 2.x Controllers respond with all pods at once: they are the first
// page, and any other page is empty.
type ListOptions struct {
	Type     string // only pods of this process type; "" for all
	PageSize int    // items a page, from 1; 0 leaves it to the Controller. v1.6 only
	Page     int    // which page, from 1; 0 is the first. v1.6 only
}

func (o ListOptions) page() rest.ListOptions {
	return rest.ListOptions{PageSize: o.PageSize, Page: o.Page}
}

// RestartOptions say what to restart. The zero value means all pods.
type RestartOptions struct {
	Type string // all pods of this process type, or the one with Name

	// Name is one pod, a Pod.Name. In v1.6 its number is enough if Type is set. In 2.x Restart looks the pod up first, and
	// for an unknown name the error matches rest.ErrNotFound: real Controllers respond to an unknown name with 200 and
	// another pod, and restart nothing.
	Name string
}

// ErrNothingRestarted means that nothing was restarted, because the Controller lists no such pods. They may run
// nevertheless: 2.x Controllers list none while they cannot reach Kubernetes, and can hide pods after a deploy that
// failed. Match it with errors.Is.
var ErrNothingRestarted = errors.New("deis: nothing was restarted")

// ErrNotScaled means that a 2.x Controller has stored the numbers but not carried them out, and would do nothing if the
// same request was repeated. Scale to another number first. Match it with errors.Is.
var ErrNotScaled = errors.New("deis: the numbers are stored, but not carried out")

// List returns the pods of an app, or one page of them in v1.6. Real 2.x Controllers list only the pods of the newest
// release that has not failed. An empty list does not mean that nothing runs: they also respond with one while they
// cannot reach Kubernetes.
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
	if len(page.Items) == page.Count && o.Page > 1 { // it is the whole list again; a loop over the pages must end
		page.Items = nil
	}
	return page, nil
}

// All ranges over an app's pods; see rest.All. In 2.x it ignores Page and PageSize.
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

// Restart restarts all or some of an app's pods and returns the pods in the response. In 2.x their number is right, but
// they may be the old pods. On real Controllers it takes 5 seconds or more. The error matches ErrNothingRestarted if the
// Controller lists no such pods. If there is no such app, real v1.6 Controllers respond with 503.
//
// For one pod of 2.x the request goes to /pods/{type}/{name}/restart/: in the documented /pods/{name}/restart/ real
// Controllers read the name as a type, and restart nothing.
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
		return nil, nothingRestarted(app, "no such pods")
	}
	return *pods, nil
}

func nothingRestarted(app, listed string) error {
	return fmt.Errorf("%w: app %s: the Controller lists %s; they may run nevertheless, if it cannot reach Kubernetes or a deploy has failed",
		ErrNothingRestarted, app, listed)
}

// Scale sets the number of pods of each type, from 0; types that structure does not name keep theirs. It returns when
// the new pods run or the old ones are gone: on real Controllers that takes 4 seconds or more on the way up, and 42
// seconds or more on the way down.
//
// A type must be "cmd" or be in the latest build's Procfile. If one is not, nothing is scaled, and v1.6 Controllers
// respond with 400, 2.x Controllers with 404. For an app without a build the response is 400.
//
// A 2.x Controller that responds with 503 has stored the new numbers but not carried them out, and when the request is
// repeated, it responds with success and does nothing. So the error matches ErrNotScaled, and Scale never retries a
// 503. In 2.x it reads the stored numbers first: if they already equal structure, but the pods do not match, it sends
// nothing and the error matches ErrNotScaled as well.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{app}/scale/
func (s *Service) Scale(ctx context.Context, app string, structure map[string]int, opts ...rest.CallOption) error {
	if len(structure) == 0 {
		return rest.InvalidArgument("structure", "must name a process type")
	}
	if err := checkNumbers(app, "number", structure); err != nil {
		return err
	}
	look := rest.WithLook(func(ctx context.Context) error { // while no other Scale of this client is under way
		return s.checkScalable(ctx, app, structure, append(slices.Clone(opts), rest.WithoutResponse()))
	})
	_, err := rest.Post[struct{}](ctx, s.client, rest.Path("apps", app, "scale"), structure, append(slices.Clone(opts), look)...)
	var failed *rest.Error
	if errors.As(err, &failed) && failed.StatusCode == http.StatusServiceUnavailable && failed.FromController() && failed.API.Major >= 2 {
		return fmt.Errorf("%w: %w: scale to another number first", err, ErrNotScaled)
	}
	return err
}

// checkScalable returns an error that matches ErrNotScaled if the Controller would do nothing although the number of
// pods is not the wanted one.
func (s *Service) checkScalable(ctx context.Context, app string, wanted map[string]int, opts []rest.CallOption) error {
	api, err := s.client.Negotiate(ctx)
	if err != nil || api.Major == 1 { // v1.6 carries out numbers that are stored already
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
			return nil // a number changes, so the Controller scales every type in the request
		}
	}
	listed := make(map[string]int)
	for pod, err := range s.All(ctx, app, ListOptions{}, opts...) {
		if err != nil {
			return err
		}
		if !pod.Ending() {
			listed[pod.Type]++
		}
	}
	var wrong []string
	for _, procType := range slices.Sorted(maps.Keys(wanted)) {
		number := wanted[procType]
		if listed[procType] > number && number > 0 { // more than stored are normal if the type is autoscaled
			autoscaled, err := s.autoscaled(ctx, app, procType, api, opts)
			if err != nil {
				return err
			}
			if autoscaled {
				continue
			}
		}
		if listed[procType] != number {
			wrong = append(wrong, fmt.Sprintf("%s: %d stored, %d listed", procType, number, listed[procType]))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%w: app %s: %s: scale to another number first, unless the pods are only starting or Kubernetes cannot be reached",
		ErrNotScaled, app, strings.Join(wrong, ", "))
}

// autoscaled reports whether a process type is autoscaled, which API 2.3 can do.
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

// checkNumbers refuses invalid process types and negative numbers.
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

// listPath returns the path of the list of an app's pods. It checks the options before it negotiates the version.
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

// restartPath returns the path to restart the pods that the options choose. In 2.x it looks up the type of a named pod.
func (s *Service) restartPath(ctx context.Context, app string, o RestartOptions, opts []rest.CallOption) (rest.Endpoint, error) {
	if o.Name != "" { // checked before the version is known, which decides whether it may have a dot, as in "web.1"
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

// collection returns the version's name for pods in paths. It checks the identifiers before it negotiates the version.
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
		// v1.6 Controllers read such a type as the action, and restart everything.
		return "", rest.InvalidArgument(fmt.Sprintf("process type %q", procType), `must not begin with "restart" in API 1.x`)
	}
	return "containers", nil
}

// container splits the name of a v1.6 container into type and number.
func container(o RestartOptions) (procType, num string, err error) {
	procType, num = o.Type, o.Name
	if dot := strings.LastIndexByte(o.Name, '.'); dot >= 0 {
		procType, num = o.Name[:dot], o.Name[dot+1:]
	}
	n, notNumber := strconv.Atoi(num)
	if notNumber != nil || n < 1 || procType == "" || o.Type != "" && procType != o.Type {
		return "", "", rest.InvalidArgument(fmt.Sprintf("pod name %.100q", o.Name),
			"must be type and number in API 1.x, such as web.1, or the number if Type is set")
	}
	if strings.HasPrefix(procType, "restart") {
		return "", "", rest.InvalidArgument("pod name "+procType, `must not begin with "restart" in API 1.x`)
	}
	return procType, strconv.Itoa(n), nil
}

// typeOf looks up the type of a pod.
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
	if listed == 0 {
		return "", nothingRestarted(app, "no pods")
	}
	return "", fmt.Errorf("deis: app %s has no pod %s: %w", app, strings.TrimSpace(o.Type+" "+o.Name), rest.ErrNotFound)
}
