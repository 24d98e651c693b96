package deistest

import "fmt"

// Autoscale acts as if the load called for n pods of a process type; the autoscaler runs n pods, within the bounds in the
// app's settings. It returns an error if the type has no autoscaler. The app's structure stays as it is, as in real
// Controllers: an app can have more or fewer pods than its structure says.
func (c *Controller) Autoscale(appID, procType string, n int) error {
	return c.withApp(appID, func(a *app) error {
		if a.currentSettings().autoscale[procType] == nil {
			return fmt.Errorf("deistest: the app %s has no autoscaler for %s", appID, procType)
		}
		if a.load == nil {
			a.load = map[string]int{}
		}
		a.load[procType] = n
		q := &request{Controller: c, app: a}
		q.autoscale()
		return nil
	})
}

// autoscale starts and stops pods until there are as many as the autoscalers want.
func (q *request) autoscale() {
	if q.app.latest().build == nil {
		return
	}
	for _, procType := range sortedKeys(q.app.structure) {
		q.runPods(procType, min(q.wantedPods(procType), maxPods), q.app.latest())
	}
}

// wantedPods returns how many pods of a process type should run: the number in the structure or, if the type has an
// autoscaler, the number that it wants within its bounds. A type that is scaled to 0 is not autoscaled.
func (q *request) wantedPods(procType string) int {
	n := q.app.structure[procType]
	autoscaler := q.app.currentSettings().autoscale[procType]
	if n == 0 || autoscaler == nil || !q.v23() {
		return n
	}
	if load, known := q.app.load[procType]; known {
		n = load
	}
	low, high := replicaBounds(autoscaler)
	return min(max(n, low), high)
}
