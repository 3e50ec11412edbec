/// <reference types="node" />
import { EventEmitter } from 'node:events';

/** Names of <wtel/error.def>; `field` is the argument, option or column that is wrong, "" if none. */
export declare class TelephonyError extends Error {
	constructor(code: string, message: string, field?: string, options?: { cause?: unknown });
	readonly code: ErrorCode | (string & {});
	readonly field: string;
	/** HTTP's, where the REST interface answered. */
	status?: number;
}

export type ErrorCode =
	| 'WTEL_ENOMEM' | 'WTEL_EINVAL' | 'WTEL_ELIMIT' | 'WTEL_EINJECTION' | 'WTEL_ESTATE' | 'WTEL_EIO' | 'WTEL_ECONNECT' | 'WTEL_EAUTH'
	| 'WTEL_ETLS' | 'WTEL_EPERMISSION' | 'WTEL_ETIMEOUT' | 'WTEL_ECLOSED' | 'WTEL_EREFUSED' | 'WTEL_ENOTRUNK' | 'WTEL_ENOTFOUND'
	| 'WTEL_EEXISTS' | 'WTEL_ESTORE' | 'WTEL_ESCHEMA' | 'WTEL_EPROTOCOL' | 'WTEL_EOVERFLOW' | 'WTEL_ECONFIG' | 'WTEL_EUNSUPPORTED'
	| 'WTEL_EBUSY';

export interface AmiHost {
	/** "localhost" */
	host?: string;
	/** 5038 */
	port?: number;
	username: string;
	secret: string;
	tls?: boolean;
}

/** All may be missing: then the environment decides (WTEL_AMI and WTEL_DB, or ASTERISK_* and DB_*), then SQLite in the home. */
export interface TelephonyOptions {
	/** "ami://user:secret@host:5038", "amis://..." for TLS, several by commas; or as objects. */
	ami?: string | AmiHost | AmiHost[];
	/** "postgresql://user@host/name", "sqlite:/path/file.db", "sqlite::memory:". */
	db?: string;
	/** false: calls are followed, not kept, and no trunk can be chosen. */
	store?: boolean;
	/** true: the schema is brought up to date first (this waits); false: never; without it SQLite's is. */
	migrate?: boolean;
	/** Calling code of numbers without one: "34". */
	country?: string;
	/** "PJSIP" */
	technology?: string;
	/** PEM; the system's own otherwise. */
	caFile?: string;
	tlsName?: string;
	/** Let the secret cross a connection without TLS in plain text. */
	allowPlain?: boolean;
	/** Milliseconds that the agent's phone rings: 30 000. */
	originateTimeout?: number;
	/** Milliseconds that the customer's does: 30 000. */
	dialTimeout?: number;
	/** Trunks that one call may try: 4. */
	maxAttempts?: number;
	/** Events kept for a slow reader: 10 000. */
	maxQueue?: number;
	/** Bytes of raw AMI events kept for a slow reader: 16 MiB. */
	maxRaw?: number;
	/** false: initialize() does not wait for Asterisk. */
	waitForConnection?: boolean;
	/** Milliseconds that initialize() waits: 10 000. */
	connectTimeout?: number;
}

export interface OriginateRequest {
	agentExtension: string;
	customerPhone: string;
	campaignId?: number | null;
	leadId?: number | null;
	agentId?: number | null;
	/** Milliseconds that the agent's phone rings. */
	timeout?: number;
	/** What the agent's phone shows: the customer's number otherwise. */
	callerId?: string;
	/** Channel variables, inherited by all legs. */
	variables?: Record<string, string | number | boolean>;
	/** Hangs the call up, whenever it aborts. */
	signal?: AbortSignal;
}

export interface OriginateResult {
	success: true;
	callId: string;
	/** The trunk's name. */
	trunk: string;
	call: Call;
}

export type Disposition = 'ANSWERED' | 'NO ANSWER' | 'BUSY' | 'FAILED' | 'CANCELLED';
export type CallState = 'queued' | 'agent' | 'dialing' | 'ringing' | 'answered' | 'ended';

export interface Leg {
	uniqueId: string | null;
	channel: string | null;
	number: string | null;
	role: 'agent' | 'customer' | 'other';
	trunkId: number | null;
	startTime: string | null;
	ringingTime: string | null;
	answerTime: string | null;
	endTime: string | null;
	/** Q.850 */
	cause: number;
	sipCode: number | null;
}

/** A call as it stands. Times are ISO 8601; null is unknown. */
export interface Call {
	id: number | null;
	callId: string;
	channel: string | null;
	direction: 'outbound' | 'inbound';
	/** Asterisk's number of the channel state, as text. */
	state: string;
	stateName: CallState;
	callerNumber: string | null;
	calleeNumber: string | null;
	startTime: string | null;
	ringingTime: string | null;
	answerTime: string | null;
	endTime: string | null;
	/** Seconds. */
	duration: number;
	billsec: number;
	disposition: Disposition | null;
	/** Its end was not seen, only concluded. */
	estimated: boolean;
	transferred: boolean;
	agentId: number | null;
	campaignId: number | null;
	leadId: number | null;
	trunkId: number | null;
	campaign: { id: number; nombre: string | null } | null;
	lead: { id: number; nombre: string | null } | null;
	cause: number;
	sipCode: number | null;
	/** One sentence on how it ended. */
	reason: string | null;
	recordingUrl: string | null;
	legs: Leg[];
}

export interface TrunkRef {
	id: number | null;
	name: string | null;
}

/** What on('...') hears of everything but calls. */
export interface Connected { time: string; host: string | null }
export interface Disconnected { time: string; host: string | null; reason: string | null }
export interface TrunkRegistry { time: string; trunk: TrunkRef; status: string }
export interface TrunkChange { time: string; trunk: TrunkRef; reason: string | null }
export interface PeerStatus { time: string; extension: string | null; status: string }
export interface Security { time: string; channel: string | null; reason: string | null }
export interface Overflow { time: string; lost: number; source?: 'ami' }
export interface Failover { event: 'call:failover'; time: string; call: Call; trunk: TrunkRef; reason: string | null }
export interface LogLine { level: 'error' | 'warning' | 'info'; text: string }

export type CallEventName = 'call:new' | 'call:state' | 'call:ringing' | 'call:answered' | 'call:hangup';

/** What events() gives. */
export type TelephonyEvent =
	| { event: CallEventName; time: string; call: Call }
	| Failover
	| ({ event: 'ami:connected' } & Connected)
	| ({ event: 'ami:disconnected' } & Disconnected)
	| ({ event: 'trunk:registry' } & TrunkRegistry)
	| ({ event: 'trunk:down' | 'trunk:up' | 'trunk:full' } & TrunkChange)
	| ({ event: 'peer:status' } & PeerStatus)
	| ({ event: 'security' } & Security)
	| ({ event: 'overflow' } & Overflow);

export interface TelephonyEvents {
	'ami:connected': [Connected];
	'ami:disconnected': [Disconnected];
	'call:new': [Call];
	'call:state': [Call];
	'call:ringing': [Call];
	'call:answered': [Call];
	'call:hangup': [Call];
	'call:failover': [Call, Failover];
	'trunk:registry': [TrunkRegistry];
	'trunk:down': [TrunkChange];
	'trunk:up': [TrunkChange];
	'trunk:full': [TrunkChange];
	'peer:status': [PeerStatus];
	security: [Security];
	overflow: [Overflow];
	log: [LogLine];
	/** Every trusted AMI event, as it came. */
	ami: [AmiEvent];
}

export interface Statistics {
	connected: boolean;
	activeCalls: number;
	/** Answered. */
	callsInProgress: number;
	/** Channels and registrations were read since the connect. */
	synchronised?: boolean;
	channels?: number;
	/** Changes that are not durable yet. */
	storeQueue?: number;
	reconnects?: number;
	/** Seconds of the last ping. */
	roundTrip?: number | null;
	host?: string | null;
	ami?: string | null;
	rawLost?: number;
}

export interface Breaker {
	state: 'closed' | 'open';
	faults: number;
	retryAt: string | null;
}

export interface TrunkFields {
	name: string;
	host: string;
	description?: string | null;
	provider?: 'twilio' | 'vonage' | 'bandwidth' | 'custom';
	trunkType?: 'sip' | 'iax2' | 'pjsip';
	port?: number;
	username?: string | null;
	password?: string;
	fromUser?: string | null;
	fromDomain?: string | null;
	maxChannels?: number;
	/** 1 first, 100 last. */
	priority?: number;
	status?: 'active' | 'inactive' | 'maintenance' | 'error';
	endpoint?: string;
	needsRegistration?: boolean;
	advancedSettings?: Record<string, unknown>;
}

export interface Trunk extends Required<Omit<TrunkFields, 'password'>> {
	id: number;
	registered: boolean;
	activeCalls: number;
	totalCalls: number;
	successfulCalls: number;
	failedCalls: number;
	breaker: Breaker;
	lastRegisteredAt: string | null;
	lastErrorAt: string | null;
	lastErrorMessage: string | null;
	campaignPriority?: number;
	health?: Record<string, unknown>;
}

export interface Peer {
	id: number;
	userId: number;
	username: string;
	extension: string;
	status: 'active' | 'inactive' | 'disabled';
	registered: boolean;
	lastRegisteredAt: string | null;
	userAgent: string | null;
	ipAddress: string | null;
}

export interface CallStatistics {
	totalCalls: number;
	answered: number;
	noAnswer: number;
	busy: number;
	failed: number;
	cancelled: number;
	totalDuration: number;
	totalBillsec: number;
	avgDuration: number;
	avgBillsec: number;
	answerRate: string;
}

export type Role = 'agent' | 'supervisor' | 'admin';

/** Who asks the REST interface; an agent has the own calls and account, by `userId`. */
export interface Who {
	userId?: number | null;
	/** 'agent' where it is not said. */
	role?: Role;
	/** For the audit log. */
	actor?: string | null;
}

export interface CallFilter {
	from?: string;
	to?: string;
	disposition?: Disposition;
	direction?: 'outbound' | 'inbound';
	/** What the caller's or the callee's number begins with. */
	number?: string;
	campaignId?: number;
	leadId?: number;
	trunkId?: number;
	agentId?: number;
}

export interface ActionResult {
	/** Names as Asterisk writes them; an array where a name comes more than once. */
	response: Record<string, string | string[]>;
	items: Record<string, string | string[]>[];
}

type FieldValue = string | number | boolean;

/** One service: a connection to Asterisk, the calls on it, and the store behind. */
export declare class Telephony extends EventEmitter {
	constructor(options?: TelephonyOptions);

	on<K extends keyof TelephonyEvents>(event: K, listener: (...values: TelephonyEvents[K]) => void): this;
	once<K extends keyof TelephonyEvents>(event: K, listener: (...values: TelephonyEvents[K]) => void): this;
	off<K extends keyof TelephonyEvents>(event: K, listener: (...values: TelephonyEvents[K]) => void): this;
	addListener<K extends keyof TelephonyEvents>(event: K, listener: (...values: TelephonyEvents[K]) => void): this;
	removeListener<K extends keyof TelephonyEvents>(event: K, listener: (...values: TelephonyEvents[K]) => void): this;
	prependListener<K extends keyof TelephonyEvents>(event: K, listener: (...values: TelephonyEvents[K]) => void): this;

	/** Resolved when connected and synchronised. Rejected, it goes on trying in the background. */
	initialize(): Promise<void>;
	/** Everything is written, then Asterisk is logged off; active calls go on there. */
	shutdown(options?: { timeout?: number }): Promise<void>;
	ref(): this;
	unref(): this;

	originateCall(request: OriginateRequest, options?: { signal?: AbortSignal }): Promise<OriginateResult>;
	/** By channel name or call id: the whole call. */
	hangupCall(channel: string): Promise<{ success: true }>;
	getStatistics(): Statistics;
	getActiveCalls(): Call[];
	/** Any AMI action. */
	action(name: string, fields?: Record<string, FieldValue | FieldValue[]> | [string, FieldValue][],
		options?: { timeout?: number }): Promise<ActionResult>;
	/** The REST interface without HTTP. */
	api(method: string, path: string, options?: {
		query?: string | Record<string, FieldValue | null | undefined>;
		body?: unknown;
		userId?: number | null;
		role?: Role;
		/** For the audit log. */
		actor?: string | null;
		address?: string | null;
	}): Promise<{ status: number; body: any }>;
	/**
	 * The whole REST interface as a handler of Express: `app.use('/api/telephony', telephony.express(who))`. `who` tells
	 * who asks; what is falsy is answered with 401.
	 */
	express(who: (request: any) => Who | null | undefined | false | Promise<Who | null | undefined | false>):
		(request: any, response: any, next: (error?: unknown) => void) => Promise<void>;

	/** Beyond `maxQueue` the oldest are dropped and an 'overflow' tells how many. */
	events(options?: { signal?: AbortSignal; maxQueue?: number }): AsyncIterableIterator<TelephonyEvent>;
	ami(options?: { signal?: AbortSignal; maxQueue?: number }): AsyncIterableIterator<AmiEvent>;

	activeCalls(): Promise<Call[]>;
	/** `next` is the cursor of the page behind, null at the end; a page by cursor has no `count`. */
	history(filter?: CallFilter & { limit?: number; offset?: number; cursor?: string }):
		Promise<{ count: number | null; calls: Call[]; next: string | null }>;
	callStatistics(filter?: Omit<CallFilter, 'from' | 'to' | 'disposition'> & { startDate?: string; endDate?: string }): Promise<CallStatistics>;
	/** One call with its legs and how its trunk was chosen. */
	call(callId: string): Promise<Call & { route?: unknown[] }>;
	/** Where its recording is: an http or https URL, or a path; null: nowhere. */
	setRecording(callId: string, recordingUrl: string | null): Promise<Call & { route?: unknown[] }>;
	trunks(): Promise<Trunk[]>;
	trunk(id: number): Promise<Trunk>;
	createTrunk(trunk: TrunkFields): Promise<Trunk>;
	changeTrunk(id: number, changes: Partial<TrunkFields>): Promise<Trunk>;
	removeTrunk(id: number): Promise<void>;
	/** Which trunk a call would take now, and why. */
	explain(call?: { campaignId?: number; to?: string }): Promise<{ trunkId: number | null; trunks: Record<string, unknown>[] }>;
	assignTrunk(campaignId: number, trunkId: number, priority?: number): Promise<Record<string, unknown>>;
	peers(): Promise<Peer[]>;
	peer(userId: number): Promise<Peer>;
	createPeer(person: { userId: number; primerNombre: string; primerApellido: string }): Promise<Record<string, unknown>>;
	enablePeer(userId: number): Promise<void>;
	disablePeer(userId: number): Promise<void>;
	renewPeer(userId: number): Promise<Record<string, unknown>>;
}

/** One AMI message as it came: nothing is read before it is asked for. */
export declare class AmiEvent {
	/** "Hangup"; of a response "Success", "Error". */
	readonly name: string;
	readonly kind: 'event' | 'response';
	/** The first value of a field, its name in any case. */
	get(name: string): string | undefined;
	/** Names in lower case; an array where a name comes more than once. */
	readonly fields: Record<string, string | string[]>;
	/** The bytes of the wire. */
	readonly raw: Buffer;
	toJSON(): Record<string, string | string[]>;
	toString(): string;
}

/** The AMI parser alone: any pieces of a stream in, messages out. */
export declare class Parser {
	feed(chunk: Uint8Array | string): AmiEvent[];
	/** Messages beyond the limits, which were left out. */
	readonly skipped: number;
	close(): void;
}

export declare function createTelephony(options?: TelephonyOptions): Telephony;
/** The service that the environment describes; nothing happens before its initialize(). */
export declare const telephonyService: Telephony;
export default telephonyService;
