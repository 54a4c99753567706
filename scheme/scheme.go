// Package scheme names what a model's URI may begin with, for those that read
// URIs without fetching what they name.
package scheme

// Names lists the schemes of URIs, in the order in which people are told of
// them. Besides, a URI may be a plain path, or a remote of rclone that the
// environment configures.
func Names() []string {
	return []string{"s3", "gs", "azblob", "http", "https", "hf", "oci", "pvc", "file"}
}
