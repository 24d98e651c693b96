package deistest

import "fmt"

// Autoscale makes the autoscaler of a process type want n pods, as if the load had changed. It runs as many as the
// bounds in the app's settings allow. The app's structure stays as it is, as in real Controllers: an app can have more
// pods than its structure says, and fewer.
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

// autoscale starts and stops pods as the autoscalers want it now.
func (q *request) autoscale() {
	if q.app.latest().build == nil {
		return
	}
	for _, procType := range sortedKeys(q.app.structure) {
		q.runPods(procType, min(q.wanted(procType), maxPods), q.app.latest())
	}
}

// wanted is how many pods of a process type run: as many as the structure says, or what an autoscaler makes of it.
// One that is scaled to 0 stays there.
func (q *request) wanted(procType string) int {
	n := q.app.structure[procType]
	autoscaler := q.app.currentSettings().autoscale[procType]
	if n == 0 || autoscaler == nil || !q.v23() {
		return n
	}
	if load, known := q.app.load[procType]; known {
		n = load
	}
	low, high := replicas(autoscaler)
	return min(max(n, low), high)
}
