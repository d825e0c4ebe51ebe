-- revision 0044
CREATE TABLE access_policies (
	scope VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	in_force INTEGER,
	newest INTEGER NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_access_policies PRIMARY KEY (scope, name)
);

CREATE TABLE access_policy_versions (
	scope VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	text TEXT NOT NULL,
	otherwise VARCHAR(8) NOT NULL,
	tests TEXT NOT NULL,
	note TEXT NOT NULL,
	hash VARCHAR(80) NOT NULL,
	author VARCHAR(200) NOT NULL,
	created BIGINT NOT NULL,
	CONSTRAINT pk_access_policy_versions PRIMARY KEY (scope, name, number)
);

CREATE TABLE audit_checkpoints (
	chain VARCHAR(64) NOT NULL,
	seq BIGINT NOT NULL,
	hash VARCHAR(64) NOT NULL,
	at BIGINT NOT NULL,
	"key" VARCHAR(64) NOT NULL,
	signature VARCHAR(128) NOT NULL,
	CONSTRAINT pk_audit_checkpoints PRIMARY KEY (chain, seq)
);

CREATE TABLE audit_heads (
	chain VARCHAR(64) NOT NULL,
	seq BIGINT NOT NULL,
	hash VARCHAR(64) NOT NULL,
	CONSTRAINT pk_audit_heads PRIMARY KEY (chain)
);

CREATE TABLE breaker_advice (
	project_id VARCHAR(64) NOT NULL,
	provider VARCHAR(64) NOT NULL,
	upstream VARCHAR(300) NOT NULL,
	until BIGINT NOT NULL,
	said_by VARCHAR(80) NOT NULL,
	CONSTRAINT pk_breaker_advice PRIMARY KEY (project_id, provider, upstream)
);

CREATE TABLE cache_answers (
	"key" BLOB NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(512) NOT NULL,
	stored BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	used BIGINT NOT NULL,
	hits INTEGER NOT NULL,
	size INTEGER NOT NULL,
	about BLOB NOT NULL,
	body BLOB NOT NULL,
	CONSTRAINT pk_cache_answers PRIMARY KEY ("key")
);

CREATE INDEX ix_cache_answers_expires ON cache_answers (expires);

CREATE INDEX ix_cache_answers_project_id ON cache_answers (project_id, name, size);

CREATE INDEX ix_cache_answers_used ON cache_answers (used, size);

CREATE TABLE cache_meanings (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	space BLOB NOT NULL,
	"key" BLOB NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(512) NOT NULL,
	expires BIGINT NOT NULL,
	question TEXT NOT NULL,
	vector BLOB NOT NULL
);

CREATE INDEX ix_cache_meanings_expires ON cache_meanings (expires);

CREATE INDEX ix_cache_meanings_key ON cache_meanings ("key");

CREATE INDEX ix_cache_meanings_space ON cache_meanings (space, seq);

CREATE TABLE cache_tallies (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(512) NOT NULL,
	day INTEGER NOT NULL,
	exact BIGINT NOT NULL,
	semantic BIGINT NOT NULL,
	misses BIGINT NOT NULL,
	bypassed BIGINT NOT NULL,
	tokens BIGINT NOT NULL,
	saved BIGINT NOT NULL,
	CONSTRAINT pk_cache_tallies PRIMARY KEY (project_id, name, day)
);

CREATE TABLE edits (
	place VARCHAR(64) NOT NULL,
	kind VARCHAR(40) NOT NULL,
	name VARCHAR(320) NOT NULL,
	revision INTEGER NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	at BIGINT NOT NULL,
	CONSTRAINT pk_edits PRIMARY KEY (place, kind, name)
)
 WITHOUT ROWID;

CREATE TABLE folders (
	id VARCHAR(64) NOT NULL,
	seen BIGINT NOT NULL,
	CONSTRAINT pk_folders PRIMARY KEY (id)
);

CREATE TABLE idempotent_calls (
	"key" BLOB NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	fingerprint BLOB NOT NULL,
	state VARCHAR(16) NOT NULL,
	owner VARCHAR(64) NOT NULL,
	lease BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	request_id VARCHAR(64) NOT NULL,
	about BLOB NOT NULL,
	body BLOB NOT NULL,
	CONSTRAINT pk_idempotent_calls PRIMARY KEY ("key")
);

CREATE INDEX ix_idempotent_calls_expires ON idempotent_calls (expires);

CREATE INDEX ix_idempotent_calls_owner ON idempotent_calls (owner);

CREATE TABLE identity_providers (
	name VARCHAR(64) NOT NULL,
	issuer VARCHAR(400) NOT NULL,
	client_id VARCHAR(400) NOT NULL,
	sealed TEXT,
	terms TEXT NOT NULL,
	enabled BOOLEAN NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_identity_providers PRIMARY KEY (name)
);

CREATE TABLE leaders (
	name VARCHAR(64) NOT NULL,
	holder VARCHAR(80) NOT NULL,
	held_until BIGINT NOT NULL,
	CONSTRAINT pk_leaders PRIMARY KEY (name)
);

CREATE TABLE limit_counters (
	series VARCHAR(32) NOT NULL,
	bucket VARCHAR(600) NOT NULL,
	start BIGINT NOT NULL,
	counts_until BIGINT NOT NULL,
	granted BIGINT NOT NULL,
	spent BIGINT NOT NULL,
	last_grant BIGINT NOT NULL,
	wanted BIGINT NOT NULL,
	CONSTRAINT pk_limit_counters PRIMARY KEY (series, bucket, start)
);

CREATE INDEX ix_limit_counters_counts_until ON limit_counters (counts_until);

CREATE TABLE limit_events (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	bucket VARCHAR(600) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	at BIGINT NOT NULL,
	used BIGINT NOT NULL,
	bound BIGINT NOT NULL,
	CONSTRAINT pk_limit_events PRIMARY KEY (id)
);

CREATE INDEX ix_limit_events_counter ON limit_events (project_id, name, bucket, at);

CREATE INDEX ix_limit_events_project_id ON limit_events (project_id);

CREATE TABLE limit_holds (
	id BIGINT NOT NULL,
	worker VARCHAR(64) NOT NULL,
	series VARCHAR(32) NOT NULL,
	bucket VARCHAR(600) NOT NULL,
	start BIGINT NOT NULL,
	granted BIGINT NOT NULL,
	reported BIGINT NOT NULL,
	heard BIGINT NOT NULL,
	comes_back BOOLEAN NOT NULL,
	CONSTRAINT pk_limit_holds PRIMARY KEY (id)
);

CREATE INDEX ix_limit_holds_worker ON limit_holds (worker);

CREATE TABLE limit_workers (
	id VARCHAR(64) NOT NULL,
	beat BIGINT NOT NULL,
	began BIGINT NOT NULL,
	CONSTRAINT pk_limit_workers PRIMARY KEY (id)
);

CREATE TABLE organisations (
	id VARCHAR(64) NOT NULL,
	slug VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	created BIGINT NOT NULL,
	CONSTRAINT pk_organisations PRIMARY KEY (id),
	CONSTRAINT uq_organisations_slug UNIQUE (slug)
);

CREATE TABLE projects (
	id VARCHAR(64) NOT NULL,
	slug VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	capture_content BOOLEAN NOT NULL,
	created BIGINT NOT NULL,
	organisation_id VARCHAR(64) DEFAULT 'org_default' NOT NULL,
	audit_reads VARCHAR(40) DEFAULT 'none' NOT NULL,
	index_texts BOOLEAN DEFAULT 1 NOT NULL,
	CONSTRAINT pk_projects PRIMARY KEY (id),
	CONSTRAINT uq_projects_slug UNIQUE (slug)
);

CREATE TABLE replicas (
	id VARCHAR(64) NOT NULL,
	revision BIGINT NOT NULL,
	seen BIGINT NOT NULL,
	CONSTRAINT pk_replicas PRIMARY KEY (id)
);

CREATE TABLE retention_runs (
	id VARCHAR(64) NOT NULL,
	state VARCHAR(16) NOT NULL,
	started BIGINT NOT NULL,
	finished BIGINT,
	report TEXT NOT NULL,
	problem TEXT NOT NULL,
	holder VARCHAR(64) NOT NULL,
	held_until BIGINT NOT NULL,
	CONSTRAINT pk_retention_runs PRIMARY KEY (id)
);

CREATE INDEX ix_retention_runs_state ON retention_runs (state);

CREATE TABLE revisions (
	name VARCHAR(64) NOT NULL,
	value BIGINT NOT NULL,
	CONSTRAINT pk_revisions PRIMARY KEY (name)
);

CREATE TABLE second_factors (
	holder VARCHAR(64) NOT NULL,
	sealed TEXT NOT NULL,
	confirmed BIGINT,
	last_step BIGINT NOT NULL,
	failures INTEGER NOT NULL,
	locked_until BIGINT NOT NULL,
	recovery TEXT NOT NULL,
	CONSTRAINT pk_second_factors PRIMARY KEY (holder)
);

CREATE TABLE sessions (
	id VARCHAR(64) NOT NULL,
	digest BLOB NOT NULL,
	former BLOB,
	holder VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	method VARCHAR(80) NOT NULL,
	agent VARCHAR(200) NOT NULL,
	created BIGINT NOT NULL,
	seen BIGINT NOT NULL,
	rotated BIGINT NOT NULL,
	confirmed BIGINT,
	expires BIGINT NOT NULL,
	idle_ms BIGINT NOT NULL,
	CONSTRAINT pk_sessions PRIMARY KEY (id),
	CONSTRAINT uq_sessions_digest UNIQUE (digest)
);

CREATE INDEX ix_sessions_former ON sessions (former);

CREATE INDEX ix_sessions_holder ON sessions (holder);

CREATE TABLE sign_ins (
	state BLOB NOT NULL,
	browser BLOB NOT NULL,
	provider VARCHAR(64) NOT NULL,
	next VARCHAR(2000) NOT NULL,
	port INTEGER,
	challenge VARCHAR(64),
	expires BIGINT NOT NULL,
	CONSTRAINT pk_sign_ins PRIMARY KEY (state)
);

CREATE INDEX ix_sign_ins_expires ON sign_ins (expires);

CREATE TABLE answer_documents (
	project_id VARCHAR(64) NOT NULL,
	document VARCHAR(32) NOT NULL,
	trace_id VARCHAR(64) NOT NULL,
	CONSTRAINT pk_answer_documents PRIMARY KEY (project_id, document, trace_id),
	CONSTRAINT fk_answer_documents_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
)
 WITHOUT ROWID;

CREATE INDEX ix_answer_documents_trace_id ON answer_documents (project_id, trace_id);

CREATE TABLE approvals (
	project_id VARCHAR(64) NOT NULL,
	app VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	environment VARCHAR(40) NOT NULL,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	note TEXT NOT NULL,
	created BIGINT NOT NULL,
	CONSTRAINT pk_approvals PRIMARY KEY (project_id, app, number, environment, author),
	CONSTRAINT fk_approvals_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE apps (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	spec TEXT NOT NULL,
	revision INTEGER NOT NULL,
	newest INTEGER NOT NULL,
	archived BIGINT,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	editors TEXT,
	CONSTRAINT pk_apps PRIMARY KEY (project_id, name),
	CONSTRAINT fk_apps_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE audit_log (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64),
	at BIGINT NOT NULL,
	actor VARCHAR(64) NOT NULL,
	actor_name VARCHAR(200) NOT NULL,
	action VARCHAR(80) NOT NULL,
	subject VARCHAR(200) NOT NULL,
	detail TEXT NOT NULL,
	seq BIGINT NOT NULL,
	prev VARCHAR(64) NOT NULL,
	hash VARCHAR(64) NOT NULL,
	CONSTRAINT pk_audit_log PRIMARY KEY (id),
	CONSTRAINT fk_audit_log_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_audit_log_project_id ON audit_log (project_id, id);

CREATE INDEX ix_audit_log_seq ON audit_log (project_id, seq);

CREATE TABLE batches (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	batch_id VARCHAR(256) NOT NULL,
	provider VARCHAR(128) NOT NULL,
	key_id VARCHAR(64) NOT NULL,
	request_id VARCHAR(64) NOT NULL,
	content BLOB NOT NULL,
	state VARCHAR(16) NOT NULL,
	status VARCHAR(64) NOT NULL,
	made BIGINT NOT NULL,
	due BIGINT NOT NULL,
	looked BIGINT NOT NULL,
	failures BIGINT NOT NULL,
	why TEXT NOT NULL,
	ended BIGINT NOT NULL,
	booked_by VARCHAR(64),
	settled BIGINT NOT NULL,
	settlement VARCHAR(16) NOT NULL,
	tokens BIGINT,
	cost BIGINT,
	trouble VARCHAR(16) DEFAULT '' NOT NULL,
	since BIGINT DEFAULT '0' NOT NULL,
	claimed BIGINT DEFAULT '0' NOT NULL,
	CONSTRAINT pk_batches PRIMARY KEY (id),
	CONSTRAINT fk_batches_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_batches_project_id_made ON batches (project_id, made);

CREATE INDEX ix_batches_settled_due ON batches (settled, due);

CREATE TABLE boards (
	project_id VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	id VARCHAR(64) NOT NULL,
	owner VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	shared BOOLEAN NOT NULL,
	body TEXT NOT NULL,
	version INTEGER NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_boards PRIMARY KEY (project_id, kind, id),
	CONSTRAINT fk_boards_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE calibrations (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	scorer VARCHAR(100) NOT NULL,
	scorer_version VARCHAR(80) NOT NULL,
	labels INTEGER NOT NULL,
	figures TEXT NOT NULL,
	created BIGINT NOT NULL,
	CONSTRAINT pk_calibrations PRIMARY KEY (id),
	CONSTRAINT fk_calibrations_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_calibrations_project_id ON calibrations (project_id, scorer, created);

CREATE TABLE call_policies (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	policy TEXT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_call_policies PRIMARY KEY (project_id, name),
	CONSTRAINT fk_call_policies_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE capability_cards (
	project_id VARCHAR(64) NOT NULL,
	model VARCHAR(200) NOT NULL,
	number INTEGER NOT NULL,
	provider VARCHAR(64) NOT NULL,
	upstream VARCHAR(200) NOT NULL,
	suite VARCHAR(64) NOT NULL,
	results TEXT NOT NULL,
	made BIGINT NOT NULL,
	CONSTRAINT pk_capability_cards PRIMARY KEY (project_id, model, number),
	CONSTRAINT fk_capability_cards_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE content_sealings (
	project_id VARCHAR(64) NOT NULL,
	state VARCHAR(12) NOT NULL,
	rows BIGINT NOT NULL,
	asked BIGINT NOT NULL,
	ended BIGINT,
	CONSTRAINT pk_content_sealings PRIMARY KEY (project_id),
	CONSTRAINT fk_content_sealings_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE corpora (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	description TEXT NOT NULL,
	owner VARCHAR(200) NOT NULL,
	access TEXT NOT NULL,
	chunker TEXT NOT NULL,
	embedder TEXT NOT NULL,
	stale_days INTEGER,
	newest INTEGER NOT NULL,
	ready INTEGER NOT NULL,
	standing BIGINT NOT NULL,
	erased BIGINT NOT NULL,
	revision INTEGER NOT NULL,
	archived BIGINT,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_corpora PRIMARY KEY (project_id, name),
	CONSTRAINT fk_corpora_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE corpus_documents (
	project_id VARCHAR(64) NOT NULL,
	corpus VARCHAR(64) NOT NULL,
	document VARCHAR(128) NOT NULL,
	text VARCHAR(80) NOT NULL,
	epoch INTEGER NOT NULL,
	kind VARCHAR(12) NOT NULL,
	size INTEGER NOT NULL,
	access TEXT NOT NULL,
	about TEXT NOT NULL,
	updated BIGINT NOT NULL,
	put BIGINT NOT NULL,
	checked BIGINT,
	source_state VARCHAR(12) NOT NULL,
	removed BIGINT,
	erased BIGINT,
	CONSTRAINT pk_corpus_documents PRIMARY KEY (project_id, corpus, document),
	CONSTRAINT fk_corpus_documents_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE corpus_entries (
	project_id VARCHAR(64) NOT NULL,
	corpus VARCHAR(64) NOT NULL,
	document VARCHAR(128) NOT NULL,
	since INTEGER NOT NULL,
	until INTEGER,
	text VARCHAR(80) NOT NULL,
	CONSTRAINT pk_corpus_entries PRIMARY KEY (project_id, corpus, document, since),
	CONSTRAINT fk_corpus_entries_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE corpus_pieces (
	project_id VARCHAR(64) NOT NULL,
	corpus VARCHAR(64) NOT NULL,
	document VARCHAR(128) NOT NULL,
	text VARCHAR(80) NOT NULL,
	recipe VARCHAR(64) NOT NULL,
	chunks INTEGER NOT NULL,
	body BLOB NOT NULL,
	CONSTRAINT pk_corpus_pieces PRIMARY KEY (project_id, corpus, document, text, recipe),
	CONSTRAINT fk_corpus_pieces_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE corpus_texts (
	project_id VARCHAR(64) NOT NULL,
	corpus VARCHAR(64) NOT NULL,
	document VARCHAR(128) NOT NULL,
	text VARCHAR(80) NOT NULL,
	head BLOB NOT NULL,
	body BLOB NOT NULL,
	CONSTRAINT pk_corpus_texts PRIMARY KEY (project_id, corpus, document, text),
	CONSTRAINT fk_corpus_texts_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE corpus_versions (
	project_id VARCHAR(64) NOT NULL,
	corpus VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	hash VARCHAR(80) NOT NULL,
	chunker TEXT NOT NULL,
	embedder TEXT NOT NULL,
	recipe VARCHAR(64) NOT NULL,
	state VARCHAR(12) NOT NULL,
	reason TEXT NOT NULL,
	documents INTEGER NOT NULL,
	done INTEGER NOT NULL,
	reached VARCHAR(128) NOT NULL,
	chunks INTEGER NOT NULL,
	dimension INTEGER NOT NULL,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	message TEXT NOT NULL,
	created BIGINT NOT NULL,
	built BIGINT,
	CONSTRAINT pk_corpus_versions PRIMARY KEY (project_id, corpus, number),
	CONSTRAINT fk_corpus_versions_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_corpus_versions_state ON corpus_versions (state);

CREATE TABLE custom_roles (
	organisation_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	about VARCHAR(400) NOT NULL,
	permissions TEXT NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_custom_roles PRIMARY KEY (organisation_id, name),
	CONSTRAINT fk_custom_roles_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);

CREATE TABLE custom_scorers (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	version INTEGER NOT NULL,
	kind VARCHAR(20) NOT NULL,
	spec TEXT NOT NULL,
	hash VARCHAR(80) NOT NULL,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	message TEXT NOT NULL,
	archived BIGINT,
	created BIGINT NOT NULL,
	CONSTRAINT pk_custom_scorers PRIMARY KEY (project_id, name, version),
	CONSTRAINT fk_custom_scorers_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE data_class_lists (
	project_id VARCHAR(64) NOT NULL,
	classes TEXT NOT NULL,
	standard VARCHAR(32) NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_data_class_lists PRIMARY KEY (project_id),
	CONSTRAINT fk_data_class_lists_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE data_class_marks (
	project_id VARCHAR(64) NOT NULL,
	subject VARCHAR(16) NOT NULL,
	name VARCHAR(200) NOT NULL,
	data_class VARCHAR(32) NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_data_class_marks PRIMARY KEY (project_id, subject, name),
	CONSTRAINT fk_data_class_marks_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE data_keys (
	id VARCHAR(16) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	state VARCHAR(12) NOT NULL,
	wrapped TEXT NOT NULL,
	created BIGINT NOT NULL,
	retired BIGINT,
	destroyed BIGINT,
	CONSTRAINT pk_data_keys PRIMARY KEY (id),
	CONSTRAINT fk_data_keys_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_data_keys_project_id ON data_keys (project_id, created);

CREATE TABLE data_terms (
	project_id VARCHAR(64) NOT NULL,
	subject VARCHAR(16) NOT NULL,
	name VARCHAR(200) NOT NULL,
	terms TEXT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_data_terms PRIMARY KEY (project_id, subject, name),
	CONSTRAINT fk_data_terms_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE dataset_cases (
	project_id VARCHAR(64) NOT NULL,
	dataset VARCHAR(64) NOT NULL,
	case_id VARCHAR(128) NOT NULL,
	since INTEGER NOT NULL,
	until INTEGER,
	hash VARCHAR(80) NOT NULL,
	split VARCHAR(64) NOT NULL,
	tags TEXT NOT NULL,
	uses VARCHAR(40) NOT NULL,
	source VARCHAR(200) NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_dataset_cases PRIMARY KEY (project_id, dataset, case_id, since),
	CONSTRAINT fk_dataset_cases_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_dataset_cases_source ON dataset_cases (project_id, source);

CREATE INDEX ix_dataset_cases_until ON dataset_cases (project_id, dataset, until) WHERE until IS NOT NULL;

CREATE TABLE dataset_proposals (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	dataset VARCHAR(64) NOT NULL,
	state VARCHAR(12) NOT NULL,
	body TEXT NOT NULL,
	likeness VARCHAR(80) NOT NULL,
	model VARCHAR(200) NOT NULL,
	trace_id VARCHAR(64) NOT NULL,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	created BIGINT NOT NULL,
	reviewer VARCHAR(64) NOT NULL,
	reviewer_name VARCHAR(200) NOT NULL,
	reviewed BIGINT,
	CONSTRAINT pk_dataset_proposals PRIMARY KEY (id),
	CONSTRAINT fk_dataset_proposals_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_dataset_proposals_project_id ON dataset_proposals (project_id, dataset, state, id);

CREATE TABLE dataset_versions (
	project_id VARCHAR(64) NOT NULL,
	dataset VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	hash VARCHAR(80) NOT NULL,
	state TEXT NOT NULL,
	cases INTEGER NOT NULL,
	splits TEXT NOT NULL,
	parent INTEGER,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	message TEXT NOT NULL,
	created BIGINT NOT NULL,
	CONSTRAINT pk_dataset_versions PRIMARY KEY (project_id, dataset, number),
	CONSTRAINT fk_dataset_versions_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE datasets (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	description TEXT NOT NULL,
	schema TEXT NOT NULL,
	licence VARCHAR(200) NOT NULL,
	shares TEXT NOT NULL,
	seed BIGINT NOT NULL,
	newest INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	staged INTEGER,
	staged_by VARCHAR(64) NOT NULL,
	staged_until BIGINT NOT NULL,
	archived BIGINT,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_datasets PRIMARY KEY (project_id, name),
	CONSTRAINT fk_datasets_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE detectors_off (
	project_id VARCHAR(64) NOT NULL,
	detector VARCHAR(100) NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_detectors_off PRIMARY KEY (project_id, detector),
	CONSTRAINT fk_detectors_off_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE display_currencies (
	project_id VARCHAR(64) NOT NULL,
	code VARCHAR(3) NOT NULL,
	rate VARCHAR(40) NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_display_currencies PRIMARY KEY (project_id),
	CONSTRAINT fk_display_currencies_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE environments (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(40) NOT NULL,
	position INTEGER NOT NULL,
	is_default BOOLEAN NOT NULL,
	protection TEXT NOT NULL,
	revision INTEGER NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_environments PRIMARY KEY (project_id, name),
	CONSTRAINT fk_environments_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE erasures (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	subject VARCHAR(16) NOT NULL,
	value TEXT NOT NULL,
	digest VARCHAR(64) NOT NULL,
	asked_by VARCHAR(64) NOT NULL,
	asked BIGINT NOT NULL,
	finished BIGINT,
	state VARCHAR(16) NOT NULL,
	report TEXT NOT NULL,
	problem TEXT NOT NULL,
	holder VARCHAR(64) NOT NULL,
	held_until BIGINT NOT NULL,
	CONSTRAINT pk_erasures PRIMARY KEY (id),
	CONSTRAINT fk_erasures_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_erasures_project_id ON erasures (project_id, id);

CREATE INDEX ix_erasures_state ON erasures (state);

CREATE TABLE evaluation_cache (
	project_id VARCHAR(64) NOT NULL,
	"key" VARCHAR(80) NOT NULL,
	body TEXT NOT NULL,
	created BIGINT NOT NULL,
	found_by VARCHAR(64),
	CONSTRAINT pk_evaluation_cache PRIMARY KEY (project_id, "key"),
	CONSTRAINT fk_evaluation_cache_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_evaluation_cache_created ON evaluation_cache (created);

CREATE INDEX ix_evaluation_cache_found_by ON evaluation_cache (project_id, found_by, "key");

CREATE TABLE experiments (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	suite VARCHAR(64) NOT NULL,
	spec TEXT NOT NULL,
	suite_hash VARCHAR(80) NOT NULL,
	dataset VARCHAR(64) NOT NULL,
	version INTEGER NOT NULL,
	subjects TEXT NOT NULL,
	settings TEXT NOT NULL,
	state VARCHAR(16) NOT NULL,
	origin VARCHAR(16) NOT NULL,
	cells INTEGER NOT NULL,
	done INTEGER NOT NULL,
	answered INTEGER DEFAULT '0' NOT NULL,
	failed INTEGER NOT NULL,
	cost BIGINT NOT NULL,
	reason TEXT NOT NULL,
	report TEXT,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	created BIGINT NOT NULL,
	started BIGINT,
	ended BIGINT,
	revision INTEGER NOT NULL,
	CONSTRAINT pk_experiments PRIMARY KEY (id),
	CONSTRAINT fk_experiments_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_experiments_project_id ON experiments (project_id, created);

CREATE INDEX ix_experiments_state ON experiments (state);

CREATE TABLE folder_plans (
	project_id VARCHAR(64) NOT NULL,
	hash VARCHAR(64) NOT NULL,
	basis TEXT NOT NULL,
	made BIGINT NOT NULL,
	author VARCHAR(64),
	CONSTRAINT pk_folder_plans PRIMARY KEY (project_id, hash),
	CONSTRAINT fk_folder_plans_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE forward_events (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	state VARCHAR(16) NOT NULL,
	trace_id VARCHAR(64) NOT NULL,
	at_ns BIGINT NOT NULL,
	node VARCHAR(64) NOT NULL,
	tries INTEGER NOT NULL,
	next_try BIGINT NOT NULL,
	status INTEGER NOT NULL,
	problem TEXT NOT NULL,
	first_tried BIGINT NOT NULL,
	last_tried BIGINT NOT NULL,
	CONSTRAINT pk_forward_events PRIMARY KEY (id),
	CONSTRAINT fk_forward_events_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_forward_events_project_id ON forward_events (project_id);

CREATE INDEX ix_forward_events_state ON forward_events (state);

CREATE TABLE forward_states (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	since BIGINT NOT NULL,
	places TEXT NOT NULL,
	holder VARCHAR(200) NOT NULL,
	held_until BIGINT NOT NULL,
	tries INTEGER NOT NULL,
	next_try BIGINT NOT NULL,
	problem TEXT NOT NULL,
	delivered BIGINT NOT NULL,
	failed BIGINT NOT NULL,
	passed_over BIGINT NOT NULL,
	last_delivered BIGINT,
	waiting_since BIGINT,
	CONSTRAINT pk_forward_states PRIMARY KEY (project_id, name),
	CONSTRAINT fk_forward_states_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE forwards (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	url TEXT NOT NULL,
	enabled BOOLEAN NOT NULL,
	how TEXT NOT NULL,
	sealed TEXT NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_forwards PRIMARY KEY (project_id, name),
	CONSTRAINT fk_forwards_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE gate_verdicts (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	app VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	hash VARCHAR(80) NOT NULL,
	outcome VARCHAR(20) NOT NULL,
	source VARCHAR(200) NOT NULL,
	detail TEXT NOT NULL,
	created BIGINT NOT NULL,
	author VARCHAR(64),
	author_name VARCHAR(200),
	CONSTRAINT pk_gate_verdicts PRIMARY KEY (id),
	CONSTRAINT fk_gate_verdicts_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_gate_verdicts_project_id ON gate_verdicts (project_id, app, number);

CREATE TABLE guard_points (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	version INTEGER NOT NULL,
	chosen TEXT NOT NULL,
	checked TEXT,
	CONSTRAINT pk_guard_points PRIMARY KEY (project_id, name, version),
	CONSTRAINT fk_guard_points_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE guard_refusals (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	app VARCHAR(64) NOT NULL,
	language VARCHAR(16) NOT NULL,
	text TEXT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_guard_refusals PRIMARY KEY (project_id, name, app, language),
	CONSTRAINT fk_guard_refusals_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE guard_services (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	url VARCHAR(2000) NOT NULL,
	header VARCHAR(64) NOT NULL,
	sealed TEXT NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_guard_services PRIMARY KEY (project_id, name),
	CONSTRAINT fk_guard_services_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE guards (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	version INTEGER NOT NULL,
	spec TEXT NOT NULL,
	hash VARCHAR(80) NOT NULL,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	message TEXT NOT NULL,
	archived BIGINT,
	created BIGINT NOT NULL,
	CONSTRAINT pk_guards PRIMARY KEY (project_id, name, version),
	CONSTRAINT fk_guards_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE holds (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	item VARCHAR(64) NOT NULL,
	key_id VARCHAR(64) NOT NULL,
	state VARCHAR(16) NOT NULL,
	answer TEXT NOT NULL,
	fallback TEXT NOT NULL,
	said TEXT NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	ended BIGINT,
	CONSTRAINT pk_holds PRIMARY KEY (id),
	CONSTRAINT fk_holds_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_holds_project_id ON holds (project_id, created);

CREATE INDEX ix_holds_state ON holds (state, expires);

CREATE TABLE keys (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64),
	name VARCHAR(200) NOT NULL,
	prefix VARCHAR(32) NOT NULL,
	digest BLOB NOT NULL,
	role VARCHAR(32) NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT,
	revoked BIGINT,
	environments TEXT,
	owner_id VARCHAR(64),
	permissions TEXT,
	projects TEXT,
	models TEXT,
	replaces VARCHAR(64),
	counts_as VARCHAR(64),
	aliases TEXT,
	CONSTRAINT pk_keys PRIMARY KEY (id),
	CONSTRAINT fk_keys_project_id FOREIGN KEY(project_id) REFERENCES projects (id),
	CONSTRAINT uq_keys_digest UNIQUE (digest)
);

CREATE INDEX ix_keys_owner_id ON keys (owner_id);

CREATE INDEX ix_keys_project_id ON keys (project_id);

CREATE TABLE legal_holds (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	subject VARCHAR(16) NOT NULL,
	value TEXT NOT NULL,
	start BIGINT,
	"end" BIGINT,
	reason TEXT NOT NULL,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	created BIGINT NOT NULL,
	released BIGINT,
	released_by VARCHAR(64) NOT NULL,
	release_reason TEXT NOT NULL,
	CONSTRAINT pk_legal_holds PRIMARY KEY (id),
	CONSTRAINT fk_legal_holds_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_legal_holds_project_id ON legal_holds (project_id, released);

CREATE TABLE limits (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	rule TEXT NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_limits PRIMARY KEY (project_id, name),
	CONSTRAINT fk_limits_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE managed (
	project_id VARCHAR(64) NOT NULL,
	kind VARCHAR(20) NOT NULL,
	name VARCHAR(500) NOT NULL,
	folder VARCHAR(64) NOT NULL,
	fingerprint VARCHAR(64) NOT NULL,
	made BOOLEAN NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	applied BIGINT NOT NULL,
	CONSTRAINT pk_managed PRIMARY KEY (project_id, kind, name),
	CONSTRAINT fk_managed_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE models (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	provider VARCHAR(64) NOT NULL,
	upstream VARCHAR(200) NOT NULL,
	fallback TEXT NOT NULL,
	price TEXT,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_models PRIMARY KEY (project_id, name),
	CONSTRAINT fk_models_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE online_rules (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	spec TEXT NOT NULL,
	state TEXT NOT NULL,
	paused BOOLEAN NOT NULL,
	revision INTEGER NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_online_rules PRIMARY KEY (project_id, name),
	CONSTRAINT fk_online_rules_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE organisation_domains (
	domain VARCHAR(253) NOT NULL,
	organisation_id VARCHAR(64) NOT NULL,
	created BIGINT NOT NULL,
	CONSTRAINT pk_organisation_domains PRIMARY KEY (domain),
	CONSTRAINT fk_organisation_domains_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);

CREATE INDEX ix_organisation_domains_organisation_id ON organisation_domains (organisation_id);

CREATE TABLE people (
	id VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	name VARCHAR(200) NOT NULL,
	email VARCHAR(320),
	project_id VARCHAR(64),
	created BIGINT NOT NULL,
	disabled BIGINT,
	seen BIGINT,
	CONSTRAINT pk_people PRIMARY KEY (id),
	CONSTRAINT uq_people_email UNIQUE (email),
	CONSTRAINT fk_people_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_people_project_id ON people (project_id);

CREATE TABLE placements (
	project_id VARCHAR(64) NOT NULL,
	app VARCHAR(64) NOT NULL,
	environment VARCHAR(40) NOT NULL,
	stable INTEGER,
	rollout VARCHAR(64),
	revision INTEGER NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_placements PRIMARY KEY (project_id, app, environment),
	CONSTRAINT fk_placements_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE prices (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	provider VARCHAR(200) NOT NULL,
	model VARCHAR(200) NOT NULL,
	tier VARCHAR(64) DEFAULT '' NOT NULL,
	valid_from BIGINT,
	valid_to BIGINT,
	rates TEXT NOT NULL,
	note TEXT NOT NULL,
	created BIGINT NOT NULL,
	CONSTRAINT pk_prices PRIMARY KEY (id),
	CONSTRAINT fk_prices_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_prices_project_id ON prices (project_id);

CREATE TABLE prompt_labels (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	label VARCHAR(64) NOT NULL,
	version INTEGER NOT NULL,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_prompt_labels PRIMARY KEY (project_id, name, label),
	CONSTRAINT fk_prompt_labels_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE prompt_versions (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	version INTEGER NOT NULL,
	parent INTEGER,
	hash VARCHAR(80) NOT NULL,
	content TEXT NOT NULL,
	message TEXT NOT NULL,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	created BIGINT NOT NULL,
	CONSTRAINT pk_prompt_versions PRIMARY KEY (project_id, name, version),
	CONSTRAINT fk_prompt_versions_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE prompts (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	folder VARCHAR(520) NOT NULL,
	newest INTEGER NOT NULL,
	archived BIGINT,
	search TEXT NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_prompts PRIMARY KEY (project_id, name),
	CONSTRAINT fk_prompts_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE providers (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	kind VARCHAR(64) NOT NULL,
	dialect VARCHAR(64) NOT NULL,
	base_url VARCHAR(2000) NOT NULL,
	sealed TEXT NOT NULL,
	timeouts TEXT NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_providers PRIMARY KEY (project_id, name),
	CONSTRAINT fk_providers_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE releases (
	project_id VARCHAR(64) NOT NULL,
	app VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	hash VARCHAR(80) NOT NULL,
	content TEXT NOT NULL,
	parent INTEGER,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	message TEXT NOT NULL,
	created BIGINT NOT NULL,
	editors TEXT,
	CONSTRAINT pk_releases PRIMARY KEY (project_id, app, number),
	CONSTRAINT fk_releases_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE repricings (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	since BIGINT NOT NULL,
	until BIGINT NOT NULL,
	dry_run BOOLEAN NOT NULL,
	state VARCHAR(16) NOT NULL,
	position_ns BIGINT NOT NULL,
	position_span VARCHAR(64) NOT NULL,
	report TEXT NOT NULL,
	problem TEXT NOT NULL,
	holder VARCHAR(64) NOT NULL,
	held_until BIGINT NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_repricings PRIMARY KEY (id),
	CONSTRAINT fk_repricings_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_repricings_project_id ON repricings (project_id);

CREATE INDEX ix_repricings_state ON repricings (state);

CREATE TABLE resilience_policies (
	project_id VARCHAR(64) NOT NULL,
	subject VARCHAR(16) NOT NULL,
	name VARCHAR(200) NOT NULL,
	policy TEXT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_resilience_policies PRIMARY KEY (project_id, subject, name),
	CONSTRAINT fk_resilience_policies_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE responses (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	key_id VARCHAR(64) NOT NULL,
	previous VARCHAR(64),
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	content BLOB NOT NULL,
	booked_by VARCHAR(64),
	CONSTRAINT pk_responses PRIMARY KEY (id),
	CONSTRAINT fk_responses_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_responses_expires ON responses (expires);

CREATE TABLE retention_rules (
	project_id VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	days INTEGER,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_retention_rules PRIMARY KEY (project_id, kind),
	CONSTRAINT fk_retention_rules_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE review_items (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	queue VARCHAR(64) NOT NULL,
	"key" VARCHAR(200) NOT NULL,
	state VARCHAR(16) NOT NULL,
	why TEXT NOT NULL,
	trace_id VARCHAR(64) NOT NULL,
	span_id VARCHAR(64) NOT NULL,
	app VARCHAR(64) NOT NULL,
	release VARCHAR(16) NOT NULL,
	subject TEXT NOT NULL,
	priority FLOAT NOT NULL,
	needed INTEGER NOT NULL,
	given INTEGER NOT NULL,
	hold VARCHAR(64) NOT NULL,
	assignee VARCHAR(64) NOT NULL,
	claimed_by VARCHAR(64) NOT NULL,
	claimed_until BIGINT,
	due BIGINT,
	outcome TEXT NOT NULL,
	created BIGINT NOT NULL,
	closed BIGINT,
	revision INTEGER NOT NULL,
	CONSTRAINT pk_review_items PRIMARY KEY (id),
	CONSTRAINT uq_review_items_project_id UNIQUE (project_id, queue, "key"),
	CONSTRAINT fk_review_items_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_review_items_state ON review_items (project_id, queue, state, priority);

CREATE INDEX ix_review_items_trace_id ON review_items (project_id, trace_id);

CREATE TABLE review_queues (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	spec TEXT NOT NULL,
	state TEXT NOT NULL,
	revision INTEGER NOT NULL,
	archived BIGINT,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_review_queues PRIMARY KEY (project_id, name),
	CONSTRAINT fk_review_queues_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE rollouts (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	app VARCHAR(64) NOT NULL,
	environment VARCHAR(40) NOT NULL,
	stable INTEGER,
	candidate INTEGER NOT NULL,
	"plan" TEXT NOT NULL,
	state VARCHAR(16) NOT NULL,
	step INTEGER NOT NULL,
	step_started BIGINT NOT NULL,
	started BIGINT NOT NULL,
	ended BIGINT,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	note TEXT NOT NULL,
	reason TEXT NOT NULL,
	evidence TEXT NOT NULL,
	revision INTEGER NOT NULL,
	updated BIGINT NOT NULL,
	override TEXT,
	CONSTRAINT pk_rollouts PRIMARY KEY (id),
	CONSTRAINT fk_rollouts_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_rollouts_project_id ON rollouts (project_id, app, environment, started);

CREATE TABLE routes (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	route TEXT NOT NULL,
	version INTEGER NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_routes PRIMARY KEY (project_id, name),
	CONSTRAINT fk_routes_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE scim_directories (
	organisation_id VARCHAR(64) NOT NULL,
	terms TEXT NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_scim_directories PRIMARY KEY (organisation_id),
	CONSTRAINT fk_scim_directories_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);

CREATE TABLE scim_groups (
	id VARCHAR(64) NOT NULL,
	organisation_id VARCHAR(64) NOT NULL,
	name VARCHAR(400) NOT NULL,
	name_key VARCHAR(400) NOT NULL,
	external_id VARCHAR(320),
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_scim_groups PRIMARY KEY (id),
	CONSTRAINT fk_scim_groups_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);

CREATE INDEX ix_scim_groups_name_key ON scim_groups (organisation_id, name_key);

CREATE TABLE scim_tokens (
	id VARCHAR(64) NOT NULL,
	organisation_id VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	prefix VARCHAR(32) NOT NULL,
	digest BLOB NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT,
	seen BIGINT,
	CONSTRAINT pk_scim_tokens PRIMARY KEY (id),
	CONSTRAINT fk_scim_tokens_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisations (id),
	CONSTRAINT uq_scim_tokens_digest UNIQUE (digest)
);

CREATE INDEX ix_scim_tokens_organisation_id ON scim_tokens (organisation_id);

CREATE TABLE suites (
	project_id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	spec TEXT NOT NULL,
	hash VARCHAR(80) NOT NULL,
	revision INTEGER NOT NULL,
	archived BIGINT,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_suites PRIMARY KEY (project_id, name),
	CONSTRAINT fk_suites_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE TABLE cli_grants (
	digest BLOB NOT NULL,
	person_id VARCHAR(64) NOT NULL,
	challenge VARCHAR(64) NOT NULL,
	method VARCHAR(80) NOT NULL,
	expires BIGINT NOT NULL,
	CONSTRAINT pk_cli_grants PRIMARY KEY (digest),
	CONSTRAINT fk_cli_grants_person_id FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE TABLE erasure_folders (
	erasure_id VARCHAR(64) NOT NULL,
	folder VARCHAR(64) NOT NULL,
	report TEXT NOT NULL,
	CONSTRAINT pk_erasure_folders PRIMARY KEY (erasure_id, folder),
	CONSTRAINT fk_erasure_folders_erasure_id FOREIGN KEY(erasure_id) REFERENCES erasures (id)
);

CREATE TABLE experiment_cells (
	experiment VARCHAR(64) NOT NULL,
	subject INTEGER NOT NULL,
	case_id VARCHAR(128) NOT NULL,
	repeat INTEGER NOT NULL,
	state VARCHAR(12) NOT NULL,
	output TEXT,
	error TEXT NOT NULL,
	trace_id VARCHAR(64) NOT NULL,
	latency_ms FLOAT,
	cost BIGINT,
	input_tokens BIGINT,
	output_tokens BIGINT,
	cached BOOLEAN NOT NULL,
	scores TEXT NOT NULL,
	ended BIGINT NOT NULL,
	CONSTRAINT pk_experiment_cells PRIMARY KEY (experiment, subject, case_id, repeat),
	CONSTRAINT fk_experiment_cells_experiment FOREIGN KEY(experiment) REFERENCES experiments (id)
);

CREATE TABLE identities (
	issuer VARCHAR(400) NOT NULL,
	subject VARCHAR(255) NOT NULL,
	person_id VARCHAR(64) NOT NULL,
	provider VARCHAR(64) NOT NULL,
	created BIGINT NOT NULL,
	CONSTRAINT pk_identities PRIMARY KEY (issuer, subject),
	CONSTRAINT fk_identities_person_id FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE INDEX ix_identities_person_id ON identities (person_id);

CREATE TABLE key_priorities (
	key_id VARCHAR(64) NOT NULL,
	highest INTEGER NOT NULL,
	updated BIGINT NOT NULL,
	CONSTRAINT pk_key_priorities PRIMARY KEY (key_id),
	CONSTRAINT fk_key_priorities_key_id FOREIGN KEY(key_id) REFERENCES keys (id)
);

CREATE TABLE key_uses (
	key_id VARCHAR(64) NOT NULL,
	at BIGINT NOT NULL,
	CONSTRAINT pk_key_uses PRIMARY KEY (key_id),
	CONSTRAINT fk_key_uses_key_id FOREIGN KEY(key_id) REFERENCES keys (id)
);

CREATE TABLE login_tokens (
	digest BLOB NOT NULL,
	key_id VARCHAR(64) NOT NULL,
	expires BIGINT NOT NULL,
	CONSTRAINT pk_login_tokens PRIMARY KEY (digest),
	CONSTRAINT fk_login_tokens_key_id FOREIGN KEY(key_id) REFERENCES keys (id)
);

CREATE TABLE memberships (
	person_id VARCHAR(64) NOT NULL,
	place VARCHAR(64) NOT NULL,
	role VARCHAR(64) NOT NULL,
	source VARCHAR(80) NOT NULL,
	created BIGINT NOT NULL,
	CONSTRAINT pk_memberships PRIMARY KEY (person_id, place),
	CONSTRAINT fk_memberships_person_id FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE INDEX ix_memberships_place ON memberships (place);

CREATE TABLE review_verdicts (
	item VARCHAR(64) NOT NULL,
	reviewer VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	reviewer_name VARCHAR(200) NOT NULL,
	decision VARCHAR(16) NOT NULL,
	answers TEXT NOT NULL,
	correction TEXT,
	note TEXT NOT NULL,
	seconds FLOAT,
	scored BIGINT,
	created BIGINT NOT NULL,
	CONSTRAINT pk_review_verdicts PRIMARY KEY (item, reviewer),
	CONSTRAINT fk_review_verdicts_item FOREIGN KEY(item) REFERENCES review_items (id),
	CONSTRAINT fk_review_verdicts_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);

CREATE INDEX ix_review_verdicts_project_id ON review_verdicts (project_id, created);

CREATE INDEX ix_review_verdicts_scored ON review_verdicts (scored);

CREATE TABLE scim_members (
	group_id VARCHAR(64) NOT NULL,
	person_id VARCHAR(64) NOT NULL,
	CONSTRAINT pk_scim_members PRIMARY KEY (group_id, person_id),
	CONSTRAINT fk_scim_members_group_id FOREIGN KEY(group_id) REFERENCES scim_groups (id),
	CONSTRAINT fk_scim_members_person_id FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE INDEX ix_scim_members_person_id ON scim_members (person_id);

CREATE TABLE scim_users (
	organisation_id VARCHAR(64) NOT NULL,
	person_id VARCHAR(64) NOT NULL,
	user_key VARCHAR(320) NOT NULL,
	external_id VARCHAR(320),
	active BOOLEAN NOT NULL,
	resource TEXT NOT NULL,
	held_back TEXT NOT NULL,
	switched_off BOOLEAN NOT NULL,
	created BIGINT NOT NULL,
	updated BIGINT NOT NULL,
	removed BIGINT,
	CONSTRAINT pk_scim_users PRIMARY KEY (organisation_id, person_id),
	CONSTRAINT fk_scim_users_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisations (id),
	CONSTRAINT fk_scim_users_person_id FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE INDEX ix_scim_users_external_id ON scim_users (organisation_id, external_id);

CREATE INDEX ix_scim_users_person_id ON scim_users (person_id);

CREATE INDEX ix_scim_users_user_key ON scim_users (organisation_id, user_key);

CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));

INSERT INTO alembic_version (version_num) VALUES ('0044')
