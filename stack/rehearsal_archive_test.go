//go:build pulumi

package main

import "testing"

// rehearseArchive turns an archive on, locks and copies it, and takes it out again.
func rehearseArchive(t *testing.T, on stage) {
	t.Helper()
	archive := []string{"event-processing-service-dev-archive", "aws:athena/workgroup:Workgroup", "s3:if-none-match"}
	lock := []string{"aws:s3/bucketObjectLockConfigurationV2", `"GOVERNANCE"`}
	copies := []string{"aws:s3/bucketReplicationConfig", "archive-us-west-2"}
	rehearseSteps(t, on, []rehearsalStep{
		{"pulumi config set --stack dev --path archive.enabled true", archive, lock},
		{"pulumi config set --stack dev --path archive.objectLock.mode governance && " +
			"pulumi config set --stack dev --path archive.objectLock.days 30", lock, copies},
		{"pulumi config set --stack dev --path archive.replicateTo us-west-2", copies, nil},
		{"pulumi config rm --stack dev archive", nil, append(append(archive, lock...), copies...)},
	})
}
