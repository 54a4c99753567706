package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Path is where reviews of one version of the API are sent; configurations
// name that of v1, to which the API server converts the others.
func Path(version string) string {
	return "/validate-" + strings.ReplaceAll(v1.Group, ".", "-") + "-" + version + "-" + strings.ToLower(v1.Kind)
}

// maxReview holds the largest object that the API server takes, twice.
const maxReview = 8 << 20

// Rules returns the rules in force at the time of a review: the servers of an
// installation change. While it returns an error, no review refuses anything.
type Rules func(context.Context) (v1.ValidateOptions, error)

// Handler answers reviews.
func Handler(rules Rules, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	for _, version := range v1.Versions() {
		mux.HandleFunc("POST "+Path(version), func(w http.ResponseWriter, r *http.Request) { answer(w, r, rules, log) })
	}
	return mux
}

func answer(w http.ResponseWriter, r *http.Request, rules Rules, log *slog.Logger) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, fmt.Sprintf("content type %q is not application/json", r.Header.Get("Content-Type")), http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReview))
	if err != nil {
		http.Error(w, "reading the review: "+err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil {
		http.Error(w, "reading the review: "+err.Error(), http.StatusBadRequest)
		return
	}
	if review.Request == nil {
		http.Error(w, "reading the review: it has no request", http.StatusBadRequest)
		return
	}
	req := review.Request
	if options, err := rules(r.Context()); err != nil {
		review.Response = &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true, Warnings: []string{"not checked: " + err.Error()}}
	} else {
		review.Response = Review(req, options)
	}
	review.Request = nil
	if !review.Response.Allowed {
		log.Info("a deployment was refused", "namespace", req.Namespace, "name", req.Name, "operation", req.Operation,
			"user", req.UserInfo.Username, "reason", review.Response.Result.Message)
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(review); err != nil {
		log.Warn("an answer to a review was not sent", "error", err)
	}
}
