package training

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/apis/manifest"
	"github.com/prime-radiant/radiant/operator/events"
	"github.com/prime-radiant/radiant/train"
)

// reconciler runs the jobs of one kind.
type reconciler struct {
	kind     kind
	cache    cache.Cache
	client   client.Client
	recorder events.Recorder
	now      func() time.Time
	made     *made
	gate     *gate
	// left has the jobs of which an event tells that they are left to others.
	left once
}

// managers are the values of spec.runPolicy.managedBy that leave a job to Radiant.
// Any other gives it to somebody else, such as Kueue for another cluster.
func managers() []string {
	return []string{"", "radiant.io/training", "kubeflow.org/training-operator"}
}

// pass is one look at a job.
type pass struct {
	*reconciler
	// job has defaults; problems are those of it as it was written.
	job      kubeflow.Job
	problems manifest.Problems
	status   *kubeflow.JobStatus
	pods     []corev1.Pod
	// runBy is who else writes the job's conditions; empty: nobody does.
	runBy string
	// sure is set where job and pods come from the API server, and not from the
	// cache, which may lag behind.
	sure bool
	now  time.Time
	// again is when the next look is due; 0: when something changes.
	again time.Duration
	notes []note
	// unsettled is set while the cache has not heard of all pods that were made. Counts
	// of them would be written for each that it hears of.
	unsettled bool
}

// note is an event to tell when the status is written.
type note struct{ kind, reason, text string }

// Reconcile makes one pass over a job, from the cache. What ends a job that runs, or
// a pod of it, is decided again on what the API server has.
func (r *reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	p, err := r.gather(ctx, r.cache, request.NamespacedName)
	if err != nil || p == nil {
		return reconcile.Result{}, err
	}
	decided, err := p.decide()
	if err != nil {
		return reconcile.Result{}, err
	}
	if decided.lasts() {
		if p, err = r.gather(ctx, r.client, request.NamespacedName); err != nil || p == nil {
			return reconcile.Result{}, err
		}
		if decided, err = p.decide(); err != nil {
			return reconcile.Result{}, err
		}
	}
	if err := p.carryOut(ctx, decided); err != nil {
		return reconcile.Result{}, fmt.Errorf("%s: %w", train.Title(p.job), err)
	}
	return reconcile.Result{RequeueAfter: p.again}, nil
}

// gather reads a job and its pods; nil: there is nothing to do for it.
func (r *reconciler) gather(ctx context.Context, from client.Reader, name types.NamespacedName) (*pass, error) {
	u := r.kind.empty()
	if err := from.Get(ctx, name, u); err != nil {
		r.left.forget(name)
		return nil, client.IgnoreNotFound(err)
	}
	if u.GetDeletionTimestamp() != nil {
		return nil, nil //nolint:nilnil // As the comment says.
	}
	job, problems, err := decode(u)
	if err != nil {
		return nil, err
	}
	list := &corev1.PodList{}
	if err := from.List(ctx, list, client.InNamespace(name.Namespace), r.ofJob(from, name.Name)); err != nil {
		return nil, err
	}
	kubeflow.Default(job)
	p := &pass{reconciler: r, job: job, problems: problems, status: job.State(), runBy: runBy(u), now: r.now(), sure: from == client.Reader(r.client)}
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], job) {
			p.pods = append(p.pods, list.Items[i])
		}
	}
	return p, nil
}

// decision is what a pass comes to.
type decision struct {
	action action
	plan   *train.Plan
	seen   *observed
	// replicas are those to make or to delete, by their numbers in the plan.
	replicas []int
	// reason and message are for the condition that follows.
	reason, message string
}

type action int

// What may be done with a job.
const (
	leave action = iota
	// run makes what is missing.
	run
	// suspend deletes its pods.
	suspend
	// restart deletes pods, which are made anew when they are gone.
	restart
	// succeed and fail end it.
	succeed
	fail
	// clean puts away what an ended job has left.
	clean
)

// lasts reports whether the decision cannot be taken back. Putting away what an
// ended job has left is none: a job that has ended stays so.
func (d decision) lasts() bool { return d.action > run && d.action < clean }

// decide says what is to be done. It changes nothing.
func (p *pass) decide() (decision, error) {
	policy := p.job.Parts().Run
	if by := policy.ManagedBy; by != nil && !slices.Contains(managers(), *by) {
		return decision{action: leave}, nil
	}
	if p.runBy != "" {
		return decision{action: leave, message: p.runBy + " writes the status of this job, so Radiant leaves it alone"}, nil
	}
	invalid := p.problems.Of(manifest.SeverityError)
	if end := ended(p.status); end != nil && (end.Reason != p.reason(reasonInvalid) || len(invalid) > 0 && end.Message == invalid.Error()) {
		return decision{action: clean}, nil
	}
	if len(invalid) > 0 {
		return decision{action: fail, reason: reasonInvalid, message: invalid.Error()}, nil
	}
	plan, err := train.NewPlan(p.job, nil)
	if err != nil {
		return decision{}, err
	}
	seen := observe(plan, p.pods)
	d := decision{action: run, plan: plan, seen: seen}
	if plan.Suspended {
		d.action = suspend
		return d, nil
	}
	p.lost(plan, seen)
	verdict := plan.Judge(seen.states, p.status.Restarts)
	// Nobody may have looked for a while: a job that has succeeded is not late.
	if late, ok := p.late(); ok && verdict.Action != train.Succeed {
		d.action, d.reason, d.message = fail, "DeadlineExceeded", late
		return d, nil
	}
	switch verdict.Action {
	case train.Succeed:
		d.action, d.reason, d.message = succeed, reasonSucceeded, verdict.Message
	case train.Fail:
		d.action, d.reason, d.message = fail, reasonFailed, verdict.Message
	case train.Again:
		d.action, d.replicas, d.reason, d.message = restart, verdict.Replicas, reasonRestarting, verdict.Message
	case train.GoOn:
		p.goOn(&d)
	}
	return d, nil
}

// goOn decides for a job that neither ends nor starts again.
func (p *pass) goOn(d *decision) {
	if limit, n := d.plan.Limit(), d.seen.restarts+p.status.Restarts; limit >= 0 && n > limit {
		d.action, d.reason = fail, "BackoffLimitExceeded"
		d.message = fmt.Sprintf("containers were started again %d times; the limit is %d", n, limit)
		return
	}
	d.replicas = p.toMake(d.plan, d.seen)
	if kubeflow.RestartsTogether(p.job) && d.seen.ending > 0 {
		d.replicas = nil // All start at once: when the last of the old pods is gone.
	}
}

// toMake are the replicas that have no pod, but for those that were made a moment
// ago and that the cache does not have yet.
func (p *pass) toMake(plan *train.Plan, seen *observed) []int {
	var list []int
	for _, i := range seen.missing() {
		if !p.sure && p.made.lately(p.job.GetUID(), plan.Replicas[i].Name, p.now) {
			p.settle()
			continue
		}
		list = append(list, i)
	}
	return list
}

// settle has the next pass come when the cache should have heard of all pods.
func (p *pass) settle() {
	p.unsettled = true
	if p.again == 0 || p.again > settling {
		p.again = settling
	}
}

// late says that the job has run for too long, and sets when it will have.
func (p *pass) late() (string, bool) {
	policy := p.job.Parts().Run
	limit, bounded := policy.ActiveDeadline()
	if !bounded || p.status.StartTime == nil {
		return "", false
	}
	left := p.status.StartTime.Add(limit).Sub(p.now)
	if left > 0 {
		p.again = left
		return "", false
	}
	return fmt.Sprintf("it ran for longer than activeDeadlineSeconds: %d", *policy.ActiveDeadlineSeconds), true
}

// lost marks replicas whose pod was there and is gone or going, where all replicas have to
// start again then. Elsewhere a pod that was deleted is made anew by itself.
func (p *pass) lost(plan *train.Plan, seen *observed) {
	if !kubeflow.RestartsTogether(p.job) || !p.hadAll(plan) {
		return
	}
	for _, i := range seen.missing() {
		seen.states[i] = train.State{Ended: true, Lost: true, Reason: "its pod was deleted"}
	}
}

// hadAll reports whether the status tells of a pod for each replica.
func (p *pass) hadAll(plan *train.Plan) bool {
	there := int32(0)
	for _, s := range p.status.ReplicaStatuses {
		there += s.Active + s.Succeeded + s.Failed
	}
	return int(there) == len(plan.Replicas)
}
