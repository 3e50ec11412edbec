// npm sequelize (with pg) as the platform used it: a pool of 10, and of each call a create, an update when it is answered,
// an update when it ends, and the trunk's statistics, 50 calls at a time. No legs. In a schema of its own, which it removes.
// usage: node peer_sequelize.js postgresql://user@host:port/database [CALLS [AT-ONCE [bare]]]     bare: without statistics
// Prints "RATE CALLS SECONDS".
const { Sequelize, DataTypes } = require('sequelize');

const [, , url, callsText = '3000', atOnceText = '50', form = ''] = process.argv;
const calls = Number(callsText);
const atOnce = Number(atOnceText);
const schema = `sequelize_${process.pid}`;
const db = new Sequelize(url, { dialect: 'postgres', logging: false, pool: { max: 10, min: 10, idle: 10000 } });

const Trunk = db.define('Trunk', {
	name: { type: DataTypes.STRING(100), allowNull: false },
	totalCalls: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
	successfulCalls: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
	failedCalls: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
}, {
	schema, tableName: 'trunks', underscored: true,
});

const Call = db.define('Call', {
	callId: { type: DataTypes.STRING(255), allowNull: false },
	agentId: { type: DataTypes.INTEGER },
	campaignId: { type: DataTypes.INTEGER },
	leadId: { type: DataTypes.INTEGER },
	trunkId: { type: DataTypes.INTEGER, references: { model: { tableName: 'trunks', schema }, key: 'id' }, onDelete: 'SET NULL' },
	direction: { type: DataTypes.ENUM('inbound', 'outbound'), allowNull: false },
	callerNumber: { type: DataTypes.STRING(50) },
	calleeNumber: { type: DataTypes.STRING(50) },
	startTime: { type: DataTypes.DATE, allowNull: false },
	answerTime: { type: DataTypes.DATE },
	endTime: { type: DataTypes.DATE },
	duration: { type: DataTypes.INTEGER, defaultValue: 0 },
	billsec: { type: DataTypes.INTEGER, defaultValue: 0 },
	disposition: { type: DataTypes.ENUM('ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED', 'CANCELLED') },
	recordingUrl: { type: DataTypes.STRING(500) },
}, {
	schema,
	tableName: 'calls',
	underscored: true,
	indexes: [
		{ name: 'idx_calls_call_id', unique: true, fields: ['call_id'] },
		{ name: 'idx_calls_agent_starttime', fields: ['agent_id', 'start_time'] },
		{ name: 'idx_calls_campaign_disposition', fields: ['campaign_id', 'disposition'] },
		{ name: 'idx_calls_lead_id', fields: ['lead_id'] },
		{ name: 'idx_calls_trunk_id', fields: ['trunk_id'] },
	],
});

async function life(number) {
	const start = Date.now();
	const call = await Call.create({
		callId: `WLCM-${start}-${number.toString(16).padStart(8, '0')}`,
		agentId: number % 200 + 1,
		campaignId: number % 10 + 1,
		leadId: number + 1,
		trunkId: number % 10 + 1,
		direction: 'outbound',
		callerNumber: '1001',
		calleeNumber: '+15551234567',
		startTime: new Date(start),
	});
	await call.update({ answerTime: new Date(start + 8000) });
	await call.update({ endTime: new Date(start + 100000), duration: 100, billsec: 92, disposition: 'ANSWERED' });
	if (form !== 'bare') {
		await Trunk.increment({ totalCalls: 1, successfulCalls: 1 }, { where: { id: call.trunkId } });
	}
}

async function main() {
	await db.createSchema(schema);
	try {
		await db.sync();
		await Trunk.bulkCreate(Array.from({ length: 10 }, (_, n) => ({ name: `trunk ${n}` })));
		let next = 0;
		const work = async (until) => {
			while (next < until) {
				await life(next++);
			}
		};
		const run = (until) => Promise.all(Array.from({ length: atOnce }, () => work(until)));
		// Connections are opened and the program is compiled before the clock runs.
		const warm = Math.min(200, calls);
		await run(warm);
		const began = process.hrtime.bigint();
		await run(warm + calls);
		const seconds = Number(process.hrtime.bigint() - began) / 1e9;
		if (await Call.count({ where: { billsec: 92 } }) !== warm + calls) {
			throw new Error('rows are missing');
		}
		if (form !== 'bare' && await Trunk.sum('successfulCalls') !== warm + calls) {
			throw new Error('statistics are missing');
		}
		console.log(`${(calls / seconds).toFixed(0)} ${calls} ${seconds.toFixed(3)}`);
	} finally {
		await db.dropSchema(schema);
		await db.close();
	}
}

main().catch((error) => {
	console.error(error);
	process.exitCode = 1;
});
